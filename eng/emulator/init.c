// The first process of the emulated machine: runs what /commands lists, one line each, fields separated by tabs (a
// name, settings of the environment with '=', a program and its arguments), says how each ended, and switches off.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { kMaxFields = 64 };

static void run(char* line) {
  char* fields[kMaxFields + 1];
  int count = 0;
  for (char* field = strtok(line, "\t\n"); field != NULL && count < kMaxFields; field = strtok(NULL, "\t\n")) {
    fields[count++] = field;
  }
  if (count < 2) return;
  fields[count] = NULL;
  printf("\n@@begin %s\n", fields[0]);
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    int program = 1;
    for (; fields[program] != NULL && strchr(fields[program], '=') != NULL; program++) putenv(fields[program]);
    if (fields[program] != NULL) execv(fields[program], fields + program);
    fprintf(stderr, "%s: %s\n", fields[program] == NULL ? "no program" : fields[program], strerror(errno));
    _exit(127);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  const int ended = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  printf("\n@@end %s %d\n", fields[0], ended);
  fflush(stdout);
}

int main(void) {
  mkdir("/proc", 0755);
  mkdir("/sys", 0755);
  mkdir("/dev", 0755);
  mkdir("/tmp", 01777);
  mount("proc", "/proc", "proc", 0, NULL);
  mount("sysfs", "/sys", "sysfs", 0, NULL);
  mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
  mount("tmpfs", "/tmp", "tmpfs", 0, NULL);
  for (int fd = 0; fd < 3; fd++) {
    const int console = open("/dev/console", O_RDWR);
    if (console >= 0 && console != fd) {
      dup2(console, fd);
      close(console);
    }
  }
  setenv("HOME", "/tmp", 1);
  setenv("PATH", "/bin", 1);
  FILE* commands = fopen("/commands", "r");
  char line[8192];
  while (commands != NULL && fgets(line, sizeof line, commands) != NULL) run(line);
  printf("\n@@off\n");
  fflush(stdout);
  tcdrain(STDOUT_FILENO);
  reboot(RB_POWER_OFF);
  return 0;
}
