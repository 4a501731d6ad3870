/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* File descriptors. No state; any thread. */
#include "lib/fd.h"

#include <errno.h>
#include <glib.h>
#include <sys/resource.h>
#include <unistd.h>

void
p2p_fd_close (int *fd)
{
  int saved_errno = errno;

  if (*fd < 0)
    return;
  /* EBADF is a descriptor closed twice: another thread's may be next. */
  g_assert (close (*fd) == 0 || errno != EBADF);
  *fd = -1;
  errno = saved_errno;
}

void
p2p_fd_raise_limit (void)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) != 0)
    return;
  limit.rlim_cur = limit.rlim_max;
  (void) setrlimit (RLIMIT_NOFILE, &limit); /* fewer connections then */
}
