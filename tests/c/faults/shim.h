/* What the shim lets a program switch. */
#ifndef QASK_SHIM_H
#define QASK_SHIM_H

#include <stdbool.h>

/* From the call number `first` (from 1) on, `count` calls of this kind fail (0: all that come) with this errno; calls
 * are counted from here on. What the kinds are, and what the errno may be: shim.c. */
void shim_arm(const char *kind, long first, long count, int error);
/* Nothing fails any more. Gives how many calls failed. */
long shim_disarm(void);
/* Prints how many calls of each kind there were since it was armed. */
void shim_report(void);
/* No memory is refused, nor counted, while this is on. */
void shim_spare_memory(bool now);
#endif
