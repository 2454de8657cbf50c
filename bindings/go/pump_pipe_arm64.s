//go:build linux

#include "textflag.h"

// As pump_pipe_amd64.s. The library's stack and its preserved registers are left alone.
TEXT ·writeByte(SB), NOSPLIT|NOFRAME, $0
	MOVD $byte0<>(SB), R1
	MOVD $1, R2
	MOVD $64, R8 // write
	SVC
	RET

DATA byte0<>+0(SB)/1, $1
GLOBL byte0<>(SB), RODATA|NOPTR, $1

DATA ·wakeByPipe+0(SB)/8, $·writeByte(SB)
GLOBL ·wakeByPipe(SB), RODATA|NOPTR, $8
