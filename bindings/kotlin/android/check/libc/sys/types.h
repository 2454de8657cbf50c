#pragma once
typedef int pid_t;
