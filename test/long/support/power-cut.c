// Loaded before libc (LD_PRELOAD): writes down, in the order in which it happened, everything that a process
// does to the files below POWER_CUT_FOLDER. The journal POWER_CUT_JOURNAL holds a line for each, with its
// parts separated by tabs; the bytes of a write follow its line.
//
//   W path offset size     T path size     S path     N path (made)     D path (folder made)
//   R from to              L from to       U path
//
// The shared memory of SQLite is left out: it does not outlive a machine.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int journal = -1;

static const char *folder(void) { return getenv("POWER_CUT_FOLDER"); }

static int is_ours(const char *path) {
  const char *own = folder();
  if (own == NULL || path == NULL) return 0;
  size_t n = strlen(own), length = strlen(path);
  if (strncmp(path, own, n) != 0 || (path[n] != 0 && path[n] != '/')) return 0;
  return length < 4 || strcmp(path + length - 4, "-shm") != 0;
}

// One call, so that the records of several processes do not mix.
static void record(const char *line, const void *data, size_t size) {
  int before = errno;
  if (journal < 0) {
    const char *name = getenv("POWER_CUT_JOURNAL");
    if (name == NULL) return;
    journal = (int)syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  }
  struct iovec parts[2] = {{(void *)line, strlen(line)}, {(void *)data, size}};
  size_t all = strlen(line) + size;
  if (syscall(SYS_writev, journal, parts, size == 0 ? 1 : 2) != (long)all) abort();
  errno = before;
}

static int path_of(int fd, char *path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, PATH_MAX - 1);
  if (n <= 0) return 0;
  path[n] = 0;
  return is_ours(path);
}

static void wrote(int fd, const void *data, ssize_t size, off_t at) {
  char path[PATH_MAX], line[PATH_MAX + 64];
  if (folder() == NULL || size <= 0 || !path_of(fd, path)) return;
  snprintf(line, sizeof line, "W\t%s\t%lld\t%zd\n", path, (long long)at, size);
  record(line, data, (size_t)size);
}

static void noted(const char *what, int fd, off_t size) {
  char path[PATH_MAX], line[PATH_MAX + 64];
  if (folder() == NULL || !path_of(fd, path)) return;
  if (size >= 0) snprintf(line, sizeof line, "%s\t%s\t%lld\n", what, path, (long long)size);
  else snprintf(line, sizeof line, "%s\t%s\n", what, path);
  record(line, NULL, 0);
}

static void named(const char *what, const char *from, const char *to) {
  char line[2 * PATH_MAX + 8];
  if (!is_ours(from)) return;
  if (to == NULL) snprintf(line, sizeof line, "%s\t%s\n", what, from);
  else snprintf(line, sizeof line, "%s\t%s\t%s\n", what, from, to);
  record(line, NULL, 0);
}

#define REAL(type, name, ...)         \
  static type (*real)(__VA_ARGS__);   \
  if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, name)

ssize_t write(int fd, const void *data, size_t n) {
  REAL(ssize_t, "write", int, const void *, size_t);
  ssize_t size = real(fd, data, n);
  if (size > 0 && folder() != NULL) {
    int before = errno;
    off_t end = lseek(fd, 0, SEEK_CUR);
    errno = before;
    if (end >= 0) wrote(fd, data, size, end - size);
  }
  return size;
}

#define WRITES_AT(name, type)                                     \
  ssize_t name(int fd, const void *data, size_t n, type at) {     \
    REAL(ssize_t, #name, int, const void *, size_t, type);        \
    ssize_t size = real(fd, data, n, at);                         \
    wrote(fd, data, size, at);                                    \
    return size;                                                  \
  }
WRITES_AT(pwrite, off_t)
WRITES_AT(pwrite64, off64_t)

#define TRUNCATES(name, type)                                     \
  int name(int fd, type size) {                                   \
    REAL(int, #name, int, type);                                  \
    int done = real(fd, size);                                    \
    if (done == 0) noted("T", fd, size);                          \
    return done;                                                  \
  }
TRUNCATES(ftruncate, off_t)
TRUNCATES(ftruncate64, off64_t)

#define SYNCS(name)                                               \
  int name(int fd) {                                              \
    REAL(int, #name, int);                                        \
    int done = real(fd);                                          \
    if (done == 0) noted("S", fd, -1);                            \
    return done;                                                  \
  }
SYNCS(fsync)
SYNCS(fdatasync)

#define OPENS(name)                                               \
  int name(const char *path, int flags, ...) {                    \
    REAL(int, #name, const char *, int, ...);                     \
    va_list rest;                                                 \
    va_start(rest, flags);                                        \
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                                 \
    int is_new = (flags & O_CREAT) != 0 && access(path, F_OK) != 0; \
    int fd = real(path, flags, mode);                             \
    if (fd >= 0 && is_new) noted("N", fd, -1);                    \
    else if (fd >= 0 && (flags & O_TRUNC) != 0) noted("T", fd, 0);  \
    return fd;                                                    \
  }
OPENS(open)
OPENS(open64)

#define MOVES(name, letter)                                       \
  int name(const char *from, const char *to) {                    \
    REAL(int, #name, const char *, const char *);                 \
    int done = real(from, to);                                    \
    if (done == 0) named(letter, from, to);                       \
    return done;                                                  \
  }
MOVES(rename, "R")
MOVES(link, "L")

int unlink(const char *path) {
  REAL(int, "unlink", const char *);
  int done = real(path);
  if (done == 0) named("U", path, NULL);
  return done;
}

int mkdir(const char *path, mode_t mode) {
  REAL(int, "mkdir", const char *, mode_t);
  int done = real(path, mode);
  if (done == 0) named("D", path, NULL);
  return done;
}
