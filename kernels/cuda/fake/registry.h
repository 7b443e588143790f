// Where the fake driver finds the code of a kernel.
#pragma once

#include "fake.h"

namespace fake {

// The emulated kernel of a name, or null.
void* registry_find(const char* name);

// Bytes of its arguments.
size_t registry_bytes(void* entry);

// Runs it over the whole grid; false with a message if the emulator caught it at something.
bool registry_run(const Op& op, uint64_t seed, std::string& message);

}  // namespace fake
