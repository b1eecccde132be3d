// Loaded before libc (LD_PRELOAD): a disk that fails as it is told to. The file named by DISK_FAULTS holds
// the orders, a line each, and is read anew whenever it is replaced; without it everything passes.
//
//   write|sync|read|truncate <end of the path> <errno> <calls to let pass> <calls to fail>
//   space <folder> <bytes>     files in the folder do not grow beyond this together: ENOSPC

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define MOST 32
struct order {
  char what[16], path[512];
  long error, pass, times;
};
static struct order orders[MOST];
static int count;
static struct timespec read_at;
static ino_t read_from;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static __thread int inside;

// Called with the lock held.
static void reread(void) {
  const char *name = getenv("DISK_FAULTS");
  struct stat st;
  if (name == NULL || stat(name, &st) != 0) {
    count = 0;
    read_from = 0;
    return;
  }
  if (st.st_ino == read_from && st.st_mtim.tv_sec == read_at.tv_sec &&
      st.st_mtim.tv_nsec == read_at.tv_nsec)
    return;
  read_from = st.st_ino;
  read_at = st.st_mtim;
  count = 0;
  FILE *file = fopen(name, "r");
  if (file == NULL) return;
  char line[640];
  while (count < MOST && fgets(line, sizeof line, file) != NULL) {
    struct order *o = &orders[count];
    memset(o, 0, sizeof *o);
    if (sscanf(line, "%15s %511s %ld %ld %ld", o->what, o->path, &o->error, &o->pass, &o->times) >= 3)
      count++;
  }
  fclose(file);
}

static int path_of(int fd, char *path, size_t size) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, size - 1);
  if (n <= 0 || path[0] != '/') return 0;
  path[n] = 0;
  return 1;
}

static long used_by(const char *folder) {
  DIR *dir = opendir(folder);
  if (dir == NULL) return 0;
  long used = 0;
  for (struct dirent *e; (e = readdir(dir)) != NULL;) {
    struct stat st;
    if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
      used += st.st_size;
  }
  closedir(dir);
  return used;
}

// The errno of this call, or 0. `end` is where a write would end, or -1.
static int fault(const char *what, int fd, off_t end) {
  if (getenv("DISK_FAULTS") == NULL || inside) return 0;
  inside = 1;
  int failing = 0;
  char path[1024];
  pthread_mutex_lock(&lock);
  reread();
  if (count > 0 && path_of(fd, path, sizeof path)) {
    size_t length = strlen(path);
    for (int i = 0; i < count && !failing; i++) {
      struct order *o = &orders[i];
      size_t suffix = strlen(o->path);
      if (strcmp(o->what, "space") == 0) {
        struct stat st;
        if (end < 0 || strncmp(path, o->path, suffix) != 0 || path[suffix] != '/') continue;
        if (fstat(fd, &st) != 0 || end <= st.st_size) continue;
        if (used_by(o->path) + (end - st.st_size) > o->error) failing = ENOSPC;
      } else if (strcmp(o->what, what) == 0 && suffix <= length &&
                 strcmp(path + length - suffix, o->path) == 0) {
        if (o->pass > 0) o->pass--;
        else if (o->times > 0) {
          o->times--;
          failing = (int)o->error;
        }
      }
    }
  }
  pthread_mutex_unlock(&lock);
  inside = 0;
  return failing;
}

#define REAL(type, name, ...)                                       \
  static type (*real)(__VA_ARGS__);                                 \
  if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, name)
#define FAIL(what, fd, end)                                         \
  do {                                                              \
    int error = fault(what, fd, end);                               \
    if (error != 0) {                                               \
      errno = error;                                                \
      return -1;                                                    \
    }                                                               \
  } while (0)

static off_t here(int fd) { return lseek(fd, 0, SEEK_CUR); }
static off_t after(int fd, size_t n) {
  off_t at = here(fd);
  return at < 0 ? -1 : at + (off_t)n;
}

ssize_t write(int fd, const void *data, size_t n) {
  REAL(ssize_t, "write", int, const void *, size_t);
  FAIL("write", fd, after(fd, n));
  return real(fd, data, n);
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t at) {
  REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
  FAIL("write", fd, at + (off_t)n);
  return real(fd, data, n, at);
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at) {
  REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
  FAIL("write", fd, at + (off_t)n);
  return real(fd, data, n, at);
}

ssize_t pread(int fd, void *data, size_t n, off_t at) {
  REAL(ssize_t, "pread", int, void *, size_t, off_t);
  FAIL("read", fd, -1);
  return real(fd, data, n, at);
}

ssize_t pread64(int fd, void *data, size_t n, off64_t at) {
  REAL(ssize_t, "pread64", int, void *, size_t, off64_t);
  FAIL("read", fd, -1);
  return real(fd, data, n, at);
}

int fsync(int fd) {
  REAL(int, "fsync", int);
  FAIL("sync", fd, -1);
  return real(fd);
}

int fdatasync(int fd) {
  REAL(int, "fdatasync", int);
  FAIL("sync", fd, -1);
  return real(fd);
}

int ftruncate(int fd, off_t size) {
  REAL(int, "ftruncate", int, off_t);
  FAIL("truncate", fd, -1);
  return real(fd, size);
}

int ftruncate64(int fd, off64_t size) {
  REAL(int, "ftruncate64", int, off64_t);
  FAIL("truncate", fd, -1);
  return real(fd, size);
}
