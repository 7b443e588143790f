// Reads the compiled PTX: no stack, no calls, and the structures that clang laid out are those of the emulation.
#include <dirent.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "harness.h"

static bool starts_with(const std::string& line, const char* prefix) { return line.rfind(prefix, 0) == 0; }

// Kernels of one file and the bytes of their parameter.
static std::map<std::string, int> read_module(const std::string& path) {
  std::map<std::string, int> kernels;
  // From sm_90 on every kernel waits for the launches in front of it, and lets the one behind it begin.
  const bool dependent = path.find(".sm_9") != std::string::npos;
  std::map<std::string, int> waits, releases;
  std::string kernel;
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    const size_t first = line.find_first_not_of(" \t");
    const std::string text = first == std::string::npos ? "" : line.substr(first);
    if (starts_with(text, "//")) continue;
    if (text.find(".local") != std::string::npos) report(path + " uses a stack: " + text);
    if (starts_with(text, ".func") || text.find(" .func ") != std::string::npos) report(path + " has " + text);
    if (starts_with(text, "call")) report(path + " calls: " + text);
    if (starts_with(text, "griddepcontrol.wait;")) waits[kernel]++;
    if (starts_with(text, "griddepcontrol.launch_dependents;")) releases[kernel]++;
    const size_t at = text.find("_param_0[");
    if (starts_with(text, ".param") && at != std::string::npos) {
      const size_t name = text.rfind(' ', at) + 1;
      kernel = text.substr(name, at - name);
      kernels[kernel] = atoi(text.c_str() + at + 9);
    }
  }
  for (const auto& [name, bytes] : kernels) {
    if (dependent != (waits[name] > 0) || releases[name] != dependent) {
      report(path + ", " + name + (dependent ? " must wait for what is in front of it" : " has code of sm_90"));
    }
  }
  return kernels;
}

int check_ptx(const char* folder) {
  DIR* directory = opendir(folder);
  std::vector<std::string> files;
  while (dirent* entry = directory == nullptr ? nullptr : readdir(directory)) {
    const std::string name = entry->d_name;
    if (name.size() > 4 && name.substr(name.size() - 4) == ".ptx") files.push_back(name);
  }
  if (directory != nullptr) closedir(directory);
  std::sort(files.begin(), files.end());
  std::set<std::string> seen;
  for (const std::string& file : files) {
    context = file;
    const auto kernels = read_module(std::string(folder) + "/" + file);
    if (kernels.empty()) report("no kernel in it");
    for (const auto& kernel : kernels) {
      seen.insert(kernel.first);
      comparisons++;
      const ek_emu_kernel* emulated = ek_emu_find(kernel.first.c_str());
      if (emulated == nullptr) report(kernel.first + " is not emulated");
      else if (ek_emu_param_bytes(emulated) != kernel.second) report(kernel.first + ": structures differ in size");
    }
  }
  context = folder;
  for (int i = 0; const ek_emu_kernel* kernel = ek_emu_at(i); i++) {
    if (seen.count(ek_emu_name(kernel)) == 0) report(std::string(ek_emu_name(kernel)) + " is in no PTX file");
  }
  printf("%zu PTX files, %d kernels\n", files.size(), comparisons);
  return failures == 0 && comparisons > 0 ? 0 : 1;
}
