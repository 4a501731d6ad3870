/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A disk that is full or read-only, a clock that was set, a machine that slept, other authorities
 * that the system trusts, and a slow name server, for one program: preloaded by tests, so that they
 * need neither root nor a file system of their own.
 *
 *     P2P_FAULTS      a file of three 64-bit numbers, which the test writes and changes at any time
 *                     (errno of every change of a file, 0: none; seconds that the wall clock is
 *                     ahead; seconds that the machine has slept: CLOCK_BOOTTIME is ahead)
 *     P2P_FAULTS_DIR  files below this directory only
 *     P2P_TRUST       the file that is read in place of the system's certificate authorities
 *     P2P_LOOKUP_MS   no name is known, and each look-up takes that long
 *
 * Each is for itself.
 *
 * The file is mapped; any thread reads it. Monotonic clocks go on as they do. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define SYSTEM_TRUST "/etc/ssl/certs/ca-certificates.crt" /* Debian's */

typedef struct
{
  volatile int64_t error, clock_offset_s, slept_s; /* another process writes them */
} Faults;

static const Faults none;
static const Faults *faults = &none; /* (borrowed) a mapping for good */
static const char *folder = "";      /* (borrowed) */
static const char *trust;            /* (borrowed) (nullable) */

__attribute__ ((constructor)) static void
faults_init (void)
{
  const char *path = getenv ("P2P_FAULTS");
  int fd = path ? (int) syscall (SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) : -1;
  void *map = fd >= 0 ? mmap (NULL, sizeof (Faults), PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;

  trust = getenv ("P2P_TRUST");
  if (!path)
    return;
  if (map == MAP_FAILED)
    abort (); /* a test that believes in faults that never come */
  faults = map;
  folder = getenv ("P2P_FAULTS_DIR") ? getenv ("P2P_FAULTS_DIR") : "";
  (void) close (fd);
}

/* Whether a change of that file fails; sets errno then. */
static int
fails_path (const char *path)
{
  int64_t error = faults->error;

  if (error == 0 || strncmp (path, folder, strlen (folder)) != 0)
    return 0;
  errno = (int) error;
  return 1;
}

static int
fails (int fd)
{
  char link[64], path[PATH_MAX];
  ssize_t n;

  if (faults->error == 0)
    return 0;
  (void) snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
  n = readlink (link, path, sizeof path - 1);
  if (n < 0)
    return 0;
  path[n] = '\0';
  return fails_path (path);
}

ssize_t
pwrite64 (int fd, const void *bytes, size_t n, off64_t at)
{
  return fails (fd) ? -1 : syscall (SYS_pwrite64, fd, bytes, n, at);
}

ssize_t
pwrite (int fd, const void *bytes, size_t n, off_t at)
{
  return pwrite64 (fd, bytes, n, at);
}

ssize_t
write (int fd, const void *bytes, size_t n)
{
  return fails (fd) ? -1 : syscall (SYS_write, fd, bytes, n);
}

int
ftruncate64 (int fd, off64_t n)
{
  return fails (fd) ? -1 : (int) syscall (SYS_ftruncate, fd, n);
}

int
ftruncate (int fd, off_t n)
{
  return ftruncate64 (fd, n);
}

int
fsync (int fd)
{
  return fails (fd) ? -1 : (int) syscall (SYS_fsync, fd);
}

int
fdatasync (int fd)
{
  return fails (fd) ? -1 : (int) syscall (SYS_fdatasync, fd);
}

/* A read-only disk says so. */
int
statvfs (const char *path, struct statvfs *ret_facts)
{
  static int (*next) (const char *, struct statvfs *);
  int (*call) (const char *, struct statvfs *) = __atomic_load_n (&next, __ATOMIC_ACQUIRE);
  int rc;

  if (!call)
    {
      call = (int (*) (const char *, struct statvfs *)) dlsym (RTLD_NEXT, "statvfs");
      __atomic_store_n (&next, call, __ATOMIC_RELEASE);
    }
  rc = call (path, ret_facts);
  if (rc == 0 && faults->error == EROFS && fails_path (path))
    ret_facts->f_flag |= ST_RDONLY;
  return rc;
}

static int
open_any (const char *path, int flags, mode_t mode)
{
  /* A full disk lets files be opened that are there. */
  if ((flags & O_CREAT || (faults->error == EROFS && (flags & O_ACCMODE) != O_RDONLY))
      && fails_path (path))
    return -1;
  return (int) syscall (SYS_openat, AT_FDCWD, path, flags, mode);
}

int
open64 (const char *path, int flags, ...)
{
  va_list args;
  mode_t mode;

  va_start (args, flags);
  mode = va_arg (args, mode_t);
  va_end (args);
  return open_any (path, flags | O_LARGEFILE, mode);
}

int
open (const char *path, int flags, ...)
{
  va_list args;
  mode_t mode;

  va_start (args, flags);
  mode = va_arg (args, mode_t);
  va_end (args);
  return open_any (path, flags, mode);
}

FILE *
fopen64 (const char *path, const char *mode)
{
  static FILE *(*next) (const char *, const char *);
  FILE *(*call) (const char *, const char *) = __atomic_load_n (&next, __ATOMIC_ACQUIRE);

  if (!call)
    {
      call = (FILE * (*) (const char *, const char *) ) dlsym (RTLD_NEXT, "fopen64");
      __atomic_store_n (&next, call, __ATOMIC_RELEASE);
    }
  return call (trust && strcmp (path, SYSTEM_TRUST) == 0 ? trust : path, mode);
}

FILE *
fopen (const char *path, const char *mode)
{
  return fopen64 (path, mode);
}

int
clock_gettime (clockid_t clock, struct timespec *now)
{
  static int (*next) (clockid_t, struct timespec *);
  int (*call) (clockid_t, struct timespec *) = __atomic_load_n (&next, __ATOMIC_ACQUIRE);
  int rc;

  if (!call)
    {
      call = (int (*) (clockid_t, struct timespec *)) dlsym (RTLD_NEXT, "clock_gettime");
      __atomic_store_n (&next, call, __ATOMIC_RELEASE);
    }
  rc = call (clock, now);
  if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    now->tv_sec += faults->clock_offset_s;
  if (rc == 0 && clock == CLOCK_BOOTTIME)
    now->tv_sec += faults->slept_s;
  return rc;
}

int
gettimeofday (struct timeval *now, void *zone)
{
  struct timespec time;

  (void) zone;
  (void) clock_gettime (CLOCK_REALTIME, &time);
  *now = (struct timeval){ .tv_sec = time.tv_sec, .tv_usec = time.tv_nsec / 1000 };
  return 0;
}

time_t
time (time_t *ret_now)
{
  struct timespec now;

  (void) clock_gettime (CLOCK_REALTIME, &now);
  if (ret_now)
    *ret_now = now.tv_sec;
  return now.tv_sec;
}

/* A name server that knows no name, after some time. */
int
getaddrinfo (const char *name, const char *service, const struct addrinfo *hints,
             struct addrinfo **ret_found)
{
  static int (*next) (const char *, const char *, const struct addrinfo *, struct addrinfo **);
  int (*call) (const char *, const char *, const struct addrinfo *, struct addrinfo **)
      = __atomic_load_n (&next, __ATOMIC_ACQUIRE);
  const char *ms = getenv ("P2P_LOOKUP_MS");

  if (ms && !(hints && hints->ai_flags & AI_NUMERICHOST))
    {
      struct timespec left = { atol (ms) / 1000, atol (ms) % 1000 * 1000000 };

      while (nanosleep (&left, &left) != 0)
        ;
      return EAI_NONAME;
    }
  if (!call)
    {
      call = dlsym (RTLD_NEXT, "getaddrinfo");
      __atomic_store_n (&next, call, __ATOMIC_RELEASE);
    }
  return call (name, service, hints, ret_found);
}
