// What the machine is: instruction sets and CPUs this process may use.
#pragma once

#include <stdint.h>

namespace engine {

int32_t best_isa();

// Asks the system for the state of tiles, which threads started from now on then have. False if it refuses: it does
// where some thread's alternate signal stack is too small for it.
bool allow_tiles();

// CPUs of the affinity mask, in order; returns how many, at most capacity.
int32_t affinity_cpus(int32_t* cpus, int32_t capacity);

// CPUs' worth of time the cgroups of this process allow, rounded up; INT32_MAX if unlimited.
int32_t cgroup_cpu_limit();

}  // namespace engine
