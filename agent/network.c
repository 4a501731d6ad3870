/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Signs of a changed network. See network.h. */
#include "agent/network.h"

#include "lib/fd.h"

#include <errno.h>
#include <glib.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define RESUMED_MS 2000 /* a suspend is longer than the jitter of two reads */

int
network_open (void)
{
  struct sockaddr_nl address = { .nl_family = AF_NETLINK,
                                 .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR
                                              | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE };
  int fd = socket (AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

  if (fd >= 0 && bind (fd, (struct sockaddr *) &address, sizeof address) != 0)
    p2p_fd_close (&fd);
  return fd;
}

static int64_t
clock_ms (clockid_t id)
{
  struct timespec ts;

  (void) clock_gettime (id, &ts); /* cannot fail for these two */
  return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static bool
has_resumed (void)
{
  static int64_t ahead_ms = INT64_MIN;
  int64_t now_ahead_ms = clock_ms (CLOCK_BOOTTIME) - clock_ms (CLOCK_MONOTONIC);
  bool resumed = ahead_ms != INT64_MIN && now_ahead_ms - ahead_ms > RESUMED_MS;

  ahead_ms = now_ahead_ms;
  return resumed;
}

int
network_open_timer (void)
{
  const struct timespec every
      = { .tv_sec = NETWORK_TICK_MS / 1000, .tv_nsec = NETWORK_TICK_MS % 1000 * 1000000 };
  const struct itimerspec spec = { .it_interval = every, .it_value = every };
  int fd = timerfd_create (CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);

  if (fd >= 0 && timerfd_settime (fd, 0, &spec, NULL) != 0)
    p2p_fd_close (&fd);
  return fd;
}

bool
network_changed (int fd, int timer_fd)
{
  bool changed = has_resumed ();
  char buf[8192];
  uint64_t count;

  if (timer_fd >= 0 && read (timer_fd, &count, sizeof count) < 0)
    g_assert (errno == EAGAIN); /* not due */
  while (fd >= 0 && recv (fd, buf, sizeof buf, MSG_DONTWAIT) > 0)
    changed = true;
  return changed;
}
