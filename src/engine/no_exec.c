/* llama.cpp starts a debugger from PATH when it prints a backtrace. qask takes such faults before that (guard.cpp); so
 * that nothing can start a process (but isolated engines their worker, by posix_spawnp), the finished libraries have these functions of their own in the place of the
 * system's, and do not ask the system for them: tools/check_binary.sh sees to that. Only for tools/finish_lib.sh, which
 * hides them from everybody else. */
#include <errno.h>
#include <sys/types.h>

pid_t fork(void);
int execlp(const char *file, const char *argument, ...);

pid_t fork(void) {
    errno = ENOSYS;
    return -1;
}

int execlp(const char *file, const char *argument, ...) {
    (void)file, (void)argument;
    errno = ENOSYS;
    return -1;
}
