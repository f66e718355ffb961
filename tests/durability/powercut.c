/* Writes down what a process writes and syncs below one folder, so that a test can cut the power anywhere.

   Preloaded with LD_PRELOAD. POWERCUT_FOLDER is the folder, POWERCUT_RECORD the file to write to. Every
   record is one line of text, followed for writes by the bytes:
       open NAME TRUNCATED | write NAME OFFSET LENGTH | truncate NAME SIZE | sync NAME | remove NAME */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define FILES 1024

static char names[FILES][256];
static int record = -1;
static char folder[4096];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void begin(void) {
    const char *where = getenv("POWERCUT_RECORD"), *below = getenv("POWERCUT_FOLDER");
    if (where == NULL || below == NULL) return;
    snprintf(folder, sizeof folder, "%s/", below);
    record = (int)syscall(SYS_openat, AT_FDCWD, where, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static const char *name_of(int fd) { return fd >= 0 && fd < FILES && names[fd][0] ? names[fd] : NULL; }

static const char *inside(const char *path) {
    size_t length = strlen(folder);
    return record >= 0 && length && strncmp(path, folder, length) == 0 ? path + length : NULL;
}

static void put(const char *line, const void *data, size_t length) {
    syscall(SYS_write, record, line, strlen(line));
    if (length) syscall(SYS_write, record, data, length);
}

static void tell(const char *what, const char *name, long long one, long long two, const void *data, size_t length) {
    char line[512];
    snprintf(line, sizeof line, "%s %s %lld %lld\n", what, name, one, two);
    pthread_mutex_lock(&lock);
    put(line, data, length);
    pthread_mutex_unlock(&lock);
}

static int opened(int fd, const char *path, int flags) {
    const char *name = fd >= 0 ? inside(path) : NULL;
    if (fd >= 0 && fd < FILES) snprintf(names[fd], sizeof names[fd], "%s", name ? name : "");
    if (name) tell("open", name, (flags & O_TRUNC) != 0, 0, NULL, 0);
    return fd;
}

#define OPEN(symbol)                                                                  \
    int symbol(const char *path, int flags, ...) {                                    \
        va_list more;                                                                 \
        va_start(more, flags);                                                        \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(more, mode_t) : 0;     \
        va_end(more);                                                                 \
        return opened((int)syscall(SYS_openat, AT_FDCWD, path, flags, mode), path, flags); \
    }
OPEN(open)
OPEN(open64)

int close(int fd) {
    if (fd >= 0 && fd < FILES) names[fd][0] = 0;
    return (int)syscall(SYS_close, fd);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t at) {
    ssize_t done = syscall(SYS_pwrite64, fd, data, length, at);
    if (done > 0 && name_of(fd)) tell("write", name_of(fd), at, done, data, (size_t)done);
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t at) { return pwrite64(fd, data, length, at); }

ssize_t write(int fd, const void *data, size_t length) {
    off64_t at = name_of(fd) ? lseek64(fd, 0, SEEK_CUR) : 0;
    ssize_t done = syscall(SYS_write, fd, data, length);
    if (done > 0 && name_of(fd)) tell("write", name_of(fd), at, done, data, (size_t)done);
    return done;
}

int ftruncate64(int fd, off64_t size) {
    int done = (int)syscall(SYS_ftruncate, fd, size);
    if (done == 0 && name_of(fd)) tell("truncate", name_of(fd), size, 0, NULL, 0);
    return done;
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

static int synced(int done, int fd) {
    if (done == 0 && name_of(fd)) tell("sync", name_of(fd), 0, 0, NULL, 0);
    return done;
}

int fsync(int fd) { return synced((int)syscall(SYS_fsync, fd), fd); }
int fdatasync(int fd) { return synced((int)syscall(SYS_fdatasync, fd), fd); }

int unlink(const char *path) {
    int done = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (done == 0 && inside(path)) tell("remove", inside(path), 0, 0, NULL, 0);
    return done;
}
