//go:build linux

#include "textflag.h"

// A qask_wake_callback, called as C calls it: write(user_data, &byte, 1). It runs on a thread of the library, which is
// none of Go's, so that nothing of Go may be called. A pipe that is full says what this would.
TEXT ·writeByte(SB), NOSPLIT|NOFRAME, $0
	MOVL $1, AX // write
	LEAQ byte0<>(SB), SI
	MOVL $1, DX
	SYSCALL
	RET

DATA byte0<>+0(SB)/1, $1
GLOBL byte0<>(SB), RODATA|NOPTR, $1

DATA ·wakeByPipe+0(SB)/8, $·writeByte(SB)
GLOBL ·wakeByPipe(SB), RODATA|NOPTR, $8
