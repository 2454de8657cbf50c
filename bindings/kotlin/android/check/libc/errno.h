#pragma once
#define ENOSYS 38
#define errno (*__errno())
int *__errno(void);
