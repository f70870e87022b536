/* Fails one file operation of a process: preloaded in front of libc by benchmarks/faults.py.
 *
 * Operations on paths below a folder, and on descriptors opened there, are counted. The operation with a given number
 * fails with a given errno, or kills the process before it happens. Not reached: reads of memory maps, and system calls
 * made without libc, as tantivy's rename of its list of files.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_DESCRIPTORS 4096
#define MAX_KINDS 65536

static char folder[4096];
static atomic_long counted;
static long failing;
static int error_number; /* 0 kills the process */
static atomic_char tracked[MAX_DESCRIPTORS];
static char kinds[MAX_KINDS]; /* kind of each operation: w changes files, r only reads */

void faults_start(const char *below, long operation, int error) {
    strncpy(folder, below, sizeof folder - 1);
    failing = operation;
    error_number = error;
    atomic_store(&counted, 0);
}

long faults_count(void) { return atomic_load(&counted); }

char faults_kind(long operation) { return kinds[operation]; }

static int fails(char kind) {
    long number = atomic_fetch_add(&counted, 1) + 1;
    if (number < MAX_KINDS) kinds[number] = kind;
    if (number != failing) return 0;
    if (!error_number) raise(SIGKILL);
    errno = error_number;
    return 1;
}

static int is_below(const char *path) { return folder[0] && !strncmp(path, folder, strlen(folder)); }

static int is_tracked(int descriptor) {
    return folder[0] && descriptor >= 0 && descriptor < MAX_DESCRIPTORS && atomic_load(&tracked[descriptor]);
}

static int track(int descriptor, int yes) {
    if (descriptor >= 0 && descriptor < MAX_DESCRIPTORS) atomic_store(&tracked[descriptor], yes);
    return descriptor;
}

/* Paths relative to a descriptor, as in shutil.rmtree, count if the descriptor's folder counts. */
static int counts(int directory, const char *path) {
    return path[0] == '/' ? is_below(path) : directory != AT_FDCWD && is_tracked(directory);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define MODE                                  \
    mode_t mode = 0;                          \
    if (flags & (O_CREAT | O_TMPFILE)) {      \
        va_list arguments;                    \
        va_start(arguments, flags);           \
        mode = va_arg(arguments, mode_t);     \
        va_end(arguments);                    \
    }

#define OPEN_KIND (flags & (O_CREAT | O_TRUNC) ? 'w' : 'r')

int open(const char *path, int flags, ...) {
    MODE;
    int yes = is_below(path);
    if (yes && fails(OPEN_KIND)) return -1;
    return track(REAL(open)(path, flags, mode), yes);
}

int open64(const char *path, int flags, ...) {
    MODE;
    int yes = is_below(path);
    if (yes && fails(OPEN_KIND)) return -1;
    return track(REAL(open64)(path, flags, mode), yes);
}

int openat64(int directory, const char *path, int flags, ...) {
    MODE;
    int yes = counts(directory, path);
    if (yes && fails(OPEN_KIND)) return -1;
    return track(REAL(openat64)(directory, path, flags, mode), yes);
}

#define OPEN_STREAM(name)                                          \
    FILE *name(const char *path, const char *mode) {               \
        int yes = is_below(path);                                  \
        if (yes && fails(mode[0] == 'r' ? 'r' : 'w')) return NULL; \
        FILE *stream = REAL(name)(path, mode);                     \
        if (stream) track(fileno(stream), yes);                    \
        return stream;                                             \
    }

OPEN_STREAM(fopen)
OPEN_STREAM(fopen64)

size_t fread(void *buffer, size_t size, size_t number, FILE *stream) {
    if (is_tracked(fileno(stream)) && fails('r')) return 0;
    return REAL(fread)(buffer, size, number, stream);
}

int fclose(FILE *stream) {
    track(fileno(stream), 0);
    return REAL(fclose)(stream);
}

int close(int descriptor) {
    track(descriptor, 0);
    return REAL(close)(descriptor);
}

#define ON_DESCRIPTOR(result, name, kind, parameters, call) \
    result name parameters {                                \
        if (is_tracked(descriptor) && fails(kind)) return -1; \
        return REAL(name) call;                             \
    }

ON_DESCRIPTOR(ssize_t, read, 'r', (int descriptor, void *buffer, size_t size), (descriptor, buffer, size))
ON_DESCRIPTOR(ssize_t, pread64, 'r', (int descriptor, void *buffer, size_t size, off64_t at), (descriptor, buffer, size, at))
ON_DESCRIPTOR(ssize_t, write, 'w', (int descriptor, const void *buffer, size_t size), (descriptor, buffer, size))
ON_DESCRIPTOR(ssize_t, pwrite64, 'w', (int descriptor, const void *buffer, size_t size, off64_t at), (descriptor, buffer, size, at))
ON_DESCRIPTOR(ssize_t, writev, 'w', (int descriptor, const struct iovec *buffers, int number), (descriptor, buffers, number))
ON_DESCRIPTOR(int, fsync, 'w', (int descriptor), (descriptor))
ON_DESCRIPTOR(int, fdatasync, 'w', (int descriptor), (descriptor))
ON_DESCRIPTOR(int, ftruncate64, 'w', (int descriptor, off64_t size), (descriptor, size))
ON_DESCRIPTOR(ssize_t, sendfile64, 'w', (int descriptor, int from, off64_t *at, size_t size), (descriptor, from, at, size))

#define ON_PATH(name, parameters, call)                  \
    int name parameters {                                \
        if (counts(directory, path) && fails('w')) return -1; \
        return REAL(name) call;                          \
    }
#define ON_ABSOLUTE_PATH(name, parameters, call)    \
    int name parameters {                           \
        if (is_below(path) && fails('w')) return -1; \
        return REAL(name) call;                     \
    }

ON_ABSOLUTE_PATH(rename, (const char *path, const char *to), (path, to))
ON_ABSOLUTE_PATH(link, (const char *path, const char *to), (path, to))
ON_ABSOLUTE_PATH(unlink, (const char *path), (path))
ON_ABSOLUTE_PATH(mkdir, (const char *path, mode_t mode), (path, mode))
ON_ABSOLUTE_PATH(rmdir, (const char *path), (path))
ON_ABSOLUTE_PATH(truncate64, (const char *path, off64_t size), (path, size))
ON_PATH(renameat, (int directory, const char *path, int to_directory, const char *to), (directory, path, to_directory, to))
ON_PATH(linkat, (int directory, const char *path, int to_directory, const char *to, int flags), (directory, path, to_directory, to, flags))
ON_PATH(unlinkat, (int directory, const char *path, int flags), (directory, path, flags))
ON_PATH(mkdirat, (int directory, const char *path, mode_t mode), (directory, path, mode))

DIR *opendir(const char *path) {
    if (is_below(path) && fails('r')) return NULL;
    return REAL(opendir)(path);
}
