/* Linked into a program before libqask: makes calls of the library into the system fail, one by one. Linux with glibc.
 *
 * kind      what fails
 * none      nothing
 * thread    pthread_create by libqask itself
 * room      any thread beyond `first - 1` more than there were when it was armed, OpenMP's included: as a limit of the
 *           system would have it
 * mmap      mmap
 * open      open, fopen, fdopen
 * read      read, pread and fread (which goes on by itself when the errno is EINTR); with errno 0 they give half of what
 *           was asked for, and fread the end of the file
 * write     write, writev; with errno 0 they take half
 * sync      fsync
 * rename    rename
 * kill      before a call that changes a file, SIGKILL; with an errno behind half of it
 * memory    malloc, calloc, realloc and aligned allocations of LARGE bytes or more by anybody, C++'s `new` among them
 * clock     nothing fails: the clock of the day goes ten days forth and back with every look at it
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include "shim.h"

/* Sizes that come from input are of this size sooner or later; what is smaller is taken from what is there. */
#define LARGE ((size_t) 1 << 20)

enum kind { NONE, THREAD, ROOM, MMAP, OPEN, READ, WRITE, SYNC, RENAME, KILL, MEMORY, CLOCK, KINDS };
static const char *const names[KINDS] = {"none",  "thread", "room",   "mmap", "open",   "read",
                                         "write", "sync",   "rename", "kill", "memory", "clock"};

static atomic_int armed;
static atomic_long calls[KINDS], first_call, call_count, failed, alive, room;
static atomic_int with;

/* Where libqask lies. */
static uintptr_t from, until;

static int find(struct dl_phdr_info *info, size_t size, void *unused) {
    (void) size, (void) unused;
    if (!strstr(info->dlpi_name, "libqask.so")) return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = info->dlpi_phdr + i;
        if (p->p_type != PT_LOAD || !(p->p_flags & PF_X)) continue;
        from = info->dlpi_addr + p->p_vaddr;
        until = from + p->p_memsz;
    }
    return 1;
}

void shim_arm(const char *kind, long first, long count, int error) {
    dl_iterate_phdr(find, NULL);
    if (from == 0) abort();
    first_call = first;
    call_count = count;
    with = error;
    failed = 0;
    room = alive + first - 1;
    for (int k = 0; k < KINDS; k++) {
        calls[k] = 0;
        if (strcmp(names[k], kind) == 0) armed = k;
    }
}

long shim_disarm(void) {
    armed = NONE;
    return failed;
}

void shim_report(void) {
    for (int k = 0; k < KINDS; k++) printf("calls %s %ld\n", names[k], (long) calls[k]);
}

/* Counts a call; whether it is to fail. */
static bool strikes(enum kind kind) {
    long n = ++calls[kind];
    if (armed != (int) kind || n < first_call || (call_count && n >= first_call + call_count)) return false;
    failed++;
    errno = with;
    return true;
}

static bool is_ours(const void *caller) { return (uintptr_t) caller >= from && (uintptr_t) caller < until; }
#define FAILS(kind) (is_ours(__builtin_return_address(0)) && strikes(kind))

/* A place where the process may be killed, before the call. */
#define MAY_DIE                                               \
    if (FAILS(KILL) && with == 0) kill(getpid(), SIGKILL)

/* The function behind the one that stands in front of it. */
#define BEHIND(name, ...)                                                    \
    static __typeof__(name) *behind;                                         \
    if (!behind) *(void **) &behind = dlsym(RTLD_NEXT, #name);               \
    return behind(__VA_ARGS__)

/* ---- threads ---- */
struct thread {
    void *(*run)(void *);
    void *argument;
};
static void *counted(void *data) {
    struct thread thread = *(struct thread *) data;
    free(data);
    void *result = thread.run(thread.argument);
    alive--;
    return result;
}
int pthread_create(pthread_t *out, const pthread_attr_t *attributes, void *(*run)(void *), void *argument) {
    static __typeof__(pthread_create) *behind;
    if (!behind) *(void **) &behind = dlsym(RTLD_NEXT, "pthread_create");
    if (FAILS(THREAD)) return with;
    calls[ROOM]++;
    if (armed == ROOM && alive >= room) {
        failed++;
        return EAGAIN;
    }
    struct thread *thread = malloc(sizeof *thread);
    *thread = (struct thread) {run, argument};
    alive++;
    int error = behind(out, attributes, counted, thread);
    if (error) {
        alive--;
        free(thread);
    }
    return error;
}

/* ---- files ---- */
void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset) {
    if (FAILS(MMAP)) return MAP_FAILED;
    BEHIND(mmap, address, size, protection, flags, fd, offset);
}
void *mmap64(void *address, size_t size, int protection, int flags, int fd, off_t offset) {
    if (FAILS(MMAP)) return MAP_FAILED;
    BEHIND(mmap64, address, size, protection, flags, fd, offset);
}
int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    if (FAILS(OPEN)) return -1;
    BEHIND(open, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    if (FAILS(OPEN)) return -1;
    BEHIND(open64, path, flags, mode);
}
FILE *fopen(const char *path, const char *mode) {
    if (FAILS(OPEN)) return NULL;
    BEHIND(fopen, path, mode);
}
FILE *fdopen(int fd, const char *mode) {
    if (FAILS(OPEN)) return NULL;
    BEHIND(fdopen, fd, mode);
}
ssize_t read(int fd, void *to, size_t size) {
    if (FAILS(READ)) {
        if (with) return -1;
        size /= 2;
    }
    BEHIND(read, fd, to, size);
}
ssize_t pread64(int fd, void *to, size_t size, off64_t offset) {
    if (FAILS(READ)) {
        if (with) return -1;
        size /= 2;
    }
    BEHIND(pread64, fd, to, size, offset);
}
size_t fread(void *to, size_t size, size_t count, FILE *file) {
    if (with != EINTR && FAILS(READ)) {
        /* glibc's bits for a stream that had an error, or is at its end. */
        file->_flags |= with ? 0x20 : 0x10;
        return 0;
    }
    BEHIND(fread, to, size, count, file);
}
/* With an errno, what of a write is done before the kill. */
static size_t half(size_t size) { return (size + 1) / 2; }
ssize_t write(int fd, const void *data, size_t size) {
    static __typeof__(write) *behind;
    if (!behind) *(void **) &behind = dlsym(RTLD_NEXT, "write");
    if (FAILS(KILL)) {
        if (with) behind(fd, data, half(size));
        kill(getpid(), SIGKILL);
    }
    if (FAILS(WRITE)) {
        if (with) return -1;
        size = half(size);
    }
    return behind(fd, data, size);
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    MAY_DIE;
    if (FAILS(WRITE)) {
        if (with) return -1;
        count = (int) half((size_t) count);
    }
    BEHIND(writev, fd, parts, count);
}
int fsync(int fd) {
    MAY_DIE;
    if (FAILS(SYNC)) return -1;
    BEHIND(fsync, fd);
}
int rename(const char *old, const char *new) {
    MAY_DIE;
    if (FAILS(RENAME)) return -1;
    BEHIND(rename, old, new);
}
int unlink(const char *path) {
    MAY_DIE;
    BEHIND(unlink, path);
}

/* ---- the clock of the day ---- */
int clock_gettime(clockid_t clock, struct timespec *out) {
    static __typeof__(clock_gettime) *behind;
    if (!behind) *(void **) &behind = dlsym(RTLD_NEXT, "clock_gettime");
    int result = behind(clock, out);
    if (clock == CLOCK_REALTIME) {
        long n = ++calls[CLOCK];
        if (armed == CLOCK) out->tv_sec += n % 2 ? 864000 : -864000;
    }
    return result;
}

/* ---- memory ---- */
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
static atomic_bool spared;
void shim_spare_memory(bool now) { spared = now; }
static bool refused(size_t size) { return size >= LARGE && !spared && strikes(MEMORY); }

void *malloc(size_t size) { return refused(size) ? NULL : __libc_malloc(size); }
void *calloc(size_t count, size_t size) {
    size_t all;
    if (__builtin_mul_overflow(count, size, &all) || refused(all)) return NULL;
    return __libc_calloc(count, size);
}
void *realloc(void *old, size_t size) { return refused(size) ? NULL : __libc_realloc(old, size); }
void *aligned_alloc(size_t alignment, size_t size) {
    return refused(size) ? NULL : __libc_memalign(alignment, size);
}
int posix_memalign(void **out, size_t alignment, size_t size) {
    void *memory = refused(size) ? NULL : __libc_memalign(alignment, size);
    if (memory) *out = memory;
    return memory ? 0 : ENOMEM;
}
