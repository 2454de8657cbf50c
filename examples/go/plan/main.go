// plan MODEL.gguf [BUDGET_MB]: how much memory an engine over the model would take, without loading it; with a budget, the
// largest context that fits.
package main

import (
	"fmt"
	"log"
	"os"
	"strconv"

	qask "github.com/qask/qask/bindings/go"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("usage: plan MODEL.gguf [BUDGET_MB]")
	}
	plan, err := qask.PlanEngine(os.Args[1], nil)
	if err != nil {
		log.Fatal(err)
	}
	defer plan.Close()
	for _, device := range plan.Devices() {
		fmt.Println(device.Name)
		for part := qask.PartMapped; part <= qask.PartOther; part++ {
			fmt.Printf("  %-10s %8.1f MB\n", part, float64(device.Bytes[part])/1e6)
		}
	}
	fmt.Printf("total        %8.1f MB\n", float64(plan.Total())/1e6)
	fmt.Printf("a sequence   %8.1f MB for %d tokens\n", float64(plan.SequenceBytes())/1e6, plan.ContextTokens())
	if len(os.Args) == 2 {
		return
	}
	budget, err := strconv.ParseUint(os.Args[2], 10, 32)
	if err != nil {
		log.Fatal(err)
	}
	largest, err := plan.LargestContext(budget * 1e6)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("largest context:", largest)
}
