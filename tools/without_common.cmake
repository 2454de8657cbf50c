# Included by llama.cpp's own build (CMAKE_PROJECT_INCLUDE). Its helpers for command lines, half of its source, are linked by nothing
# of qask, but llama-cpp-2 asks for them whatever its features are.
set(LLAMA_BUILD_COMMON OFF CACHE BOOL "" FORCE)
