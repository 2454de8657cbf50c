/* Stand-ins for Bionic's headers, which come with the NDK only: what the shim uses of them. */
#pragma once
#include <stddef.h>
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void free(void *memory);
