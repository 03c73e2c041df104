/* load: what the generator and the sink share: a mapping with counters and a byte for every message id. */
#pragma once

#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { LOAD_IDS = 8 * 1024 * 1024, LATENCY_SLOTS = 100000 /* of 10 microseconds */ };

struct load {
    _Atomic uint64_t received, twice, first_ns, last_ns;
    _Atomic uint32_t latency[LATENCY_SLOTS + 1];
    _Atomic uint8_t  seen[LOAD_IDS];
};

static inline uint64_t load_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline struct load *load_map(const char *path, int fresh)
{
    int fd = open(path, O_RDWR | O_CREAT | (fresh ? O_TRUNC : 0), 0644);
    if (fd < 0 || ftruncate(fd, sizeof(struct load)) != 0) {
        perror(path);
        exit(1);
    }
    struct load *l = mmap(NULL, sizeof *l, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (l == MAP_FAILED) {
        perror(path);
        exit(1);
    }
    close(fd);
    return l;
}
