#pragma once
#include <stddef.h>
void *memchr(const void *memory, int byte, size_t size);
void *memcpy(void *to, const void *from, size_t size);
void *memset(void *memory, int byte, size_t size);
char *strcat(char *to, const char *from);
size_t strlen(const char *text);
char *strncat(char *to, const char *from, size_t size);
