package qask_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	qask "github.com/qask/qask/bindings/go"
)

// again runs this program in one of its roles.
func again(t *testing.T, role string, environment ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	command := exec.CommandContext(ctx, os.Args[0])
	command.Env = append(append(os.Environ(), "QASK_TEST_ROLE="+role), environment...)
	out, err := command.CombinedOutput()
	return string(out), err
}

func init() {
	roles["exit"] = func() { leaveRunning(); os.Exit(0) }
	roles["return"] = leaveRunning
	roles["storm"] = storm
	roles["panic"] = func() { leaveRunning(); panic("on purpose") }
}

// leaveRunning comes back while eight answers are being made and read.
func leaveRunning() {
	model := must(qask.LoadModel(context.Background(), path(smollm)))
	engine := must(model.NewEngine())
	var begun sync.WaitGroup
	begun.Add(8)
	for range 8 {
		go func() {
			var once sync.Once
			for event, err := range engine.Generate(context.Background(), endless("Once upon a time")...) {
				if err != nil {
					panic(err)
				}
				if event.Text != "" {
					once.Do(begun.Done)
				}
			}
		}()
	}
	begun.Wait()
	fmt.Println("running")
}

func TestExitWithRunningStreams(t *testing.T) {
	for role, code := range map[string]int{"exit": 0, "return": 0, "panic": 2} {
		began := time.Now()
		out, err := again(t, role)
		got := 0
		if e, ok := err.(*exec.ExitError); ok {
			got = e.ExitCode()
		}
		if got != code || !strings.HasPrefix(out, "running\n") || (code == 0 && out != "running\n") {
			t.Errorf("%s: code %d after %v: %v\n%s", role, got, time.Since(began), err, out)
		}
	}
}

// storm is a program that an interrupt does not end, but the answer that it is at.
func storm() {
	all := make(chan os.Signal, 1)
	signal.Notify(all, os.Interrupt)
	model := must(qask.LoadModel(context.Background(), path(smollm)))
	engine := must(model.NewEngine())
	chat := must(engine.NewChat(qask.WithIgnoreEOS(true), qask.WithMaxTokens(3000)))
	for range stormRounds {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		var running sync.Once
		var failed error
		for event, err := range chat.Send(ctx, "Count.") {
			if event.Text != "" {
				running.Do(func() { fmt.Println("running") })
			}
			failed = err
		}
		stop()
		if !errors.Is(failed, qask.ErrCancelled) || !errors.Is(failed, context.Canceled) {
			panic(failed)
		}
		if err := errors.Join(chat.Wait(context.Background()), chat.Clear()); err != nil {
			panic(err)
		}
		fmt.Println("interrupted")
	}
	if err := chat.SetOptions(qask.WithMaxTokens(2)); err != nil {
		panic(err)
	}
	must(chat.Ask(context.Background(), "Hi"))
	fmt.Println("usable")
}

const stormRounds = 20

// Ctrl-C, again and again, several at once: each ends one answer soon, and the chat goes on.
func TestInterruptStorm(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("NOT CHECKED: no signals to send")
	}
	command := exec.CommandContext(in(t, 2*time.Minute), os.Args[0])
	command.Env = append(os.Environ(), "QASK_TEST_ROLE=storm")
	var errs strings.Builder
	command.Stderr = &errs
	out := bufio.NewScanner(must(command.StdoutPipe()))
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	for range stormRounds {
		if !out.Scan() || out.Text() != "running" {
			t.Fatal(out.Text(), errs.String())
		}
		began := time.Now()
		for range 3 {
			_ = command.Process.Signal(os.Interrupt)
		}
		if !out.Scan() || out.Text() != "interrupted" || time.Since(began) > 10*time.Second {
			t.Fatal(out.Text(), time.Since(began), errs.String())
		}
	}
	if !out.Scan() || out.Text() != "usable" {
		t.Error(out.Text())
	}
	if err := command.Wait(); err != nil {
		t.Error(err, errs.String())
	}
}

// figure reads a line of /proc/self/status.
func figure(t *testing.T, key string) int {
	t.Helper()
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("NOT CHECKED: no /proc")
	}
	for _, line := range strings.Split(string(data), "\n") {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			n, _ := strconv.Atoi(strings.Fields(rest)[0])
			return n
		}
	}
	t.Fatal("no", key)
	return 0
}

// Create, generate, cancel, free, again and again: memory, threads, goroutines and handles stay where they are.
// QASK_CYCLES says how often; 400 by default.
func TestCycles(t *testing.T) {
	cycles := 400
	if n, err := strconv.Atoi(os.Getenv("QASK_CYCLES")); err == nil {
		cycles = n
	}
	engine := start(t, smollm, qask.WithContext(512))
	handles := qask.LiveHandles()
	cycle := func(i int) {
		ctx, cancel := context.WithCancel(context.Background())
		chat := must(engine.NewChat(qask.WithIgnoreEOS(true), qask.WithMaxTokens(200)))
		for event := range chat.Send(ctx, "Hello") {
			if event.Text == "" {
				continue
			}
			if i%2 == 0 {
				cancel() // and read to the end
			} else {
				break // and leave
			}
		}
		if i%4 < 2 {
			chat.Close() // otherwise it is the garbage collector's
		}
		cancel()
	}
	settle := func() (kib, threads, goroutines int) {
		for range 3 {
			runtime.GC()
			time.Sleep(20 * time.Millisecond)
		}
		return figure(t, "VmRSS"), figure(t, "Threads"), runtime.NumGoroutine()
	}
	for i := range cycles / 5 {
		cycle(i)
	}
	kib, threads, goroutines := settle()
	for i := range cycles {
		cycle(i)
	}
	kibAfter, threadsAfter, goroutinesAfter := settle()
	t.Logf("%d cycles: %d KiB then %d, threads %d then %d, goroutines %d then %d", cycles, kib, kibAfter, threads, threadsAfter, goroutines, goroutinesAfter)
	if kibAfter > kib+8192 || threadsAfter > threads+4 || goroutinesAfter > goroutines {
		t.Error("something grows")
	}
	for wait := 0; qask.LiveHandles() > handles; wait++ {
		if wait == 100 {
			t.Fatalf("%d handles before, %d now", handles, qask.LiveHandles())
		}
		runtime.GC()
		time.Sleep(20 * time.Millisecond)
	}
}

// Everything at once, for the race detector: one chat, one request, one engine and many goroutines that use, cancel and
// close them.
func TestStress(t *testing.T) {
	engine := start(t, smollm, qask.WithContext(512), qask.WithMaxSequences(8))
	request := must(qask.NewRequest(endless("Once upon a time")...))
	chat := converse(t, engine, qask.WithMaxTokens(4))
	until := time.Now().Add(3 * time.Second)
	var answers atomic.Int64
	var all sync.WaitGroup
	for i := range 24 {
		all.Go(func() {
			for time.Now().Before(until) {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i)*10*time.Millisecond)
				switch i % 4 {
				case 0:
					for range chat.Send(ctx, "Hello") {
						answers.Add(1)
					}
				case 1:
					if stream, err := engine.Submit(request); err == nil {
						go stream.Cancel()
						go stream.Close()
						_, _, _ = stream.Collect(ctx)
					}
				case 2:
					_ = request.Set(qask.WithMaxTokens(uint32(i)))
					_ = chat.SetOptions(qask.WithTopK(3))
					_, _ = chat.Messages()
					_, _ = engine.Stats()
					if fork, err := chat.Fork(); err == nil {
						_, _ = fork.Ask(ctx, "x")
						fork.Close()
					}
				case 3:
					_, _, err := engine.Ask(ctx, qask.WithPrompt("x"), qask.WithMaxTokens(3))
					if err == nil {
						answers.Add(1)
					}
				}
				cancel()
			}
		})
	}
	all.Wait()
	if answers.Load() == 0 {
		t.Error("nothing was answered")
	}
	request.Close()
}
