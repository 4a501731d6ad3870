/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The service manager, as sd_notify(3) and sd_watchdog_enabled(3) describe the protocol. No state.
 */
#include "lib/notify.h"

#include "lib/fd.h"
#include "lib/span.h"

#include <errno.h>
#include <glib.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A path, or "@name" in the abstract namespace. */
static bool
make_address (const char *name, struct sockaddr_un *ret_address, socklen_t *ret_len)
{
  size_t n = strlen (name);

  if ((name[0] != '/' && name[0] != '@') || n < 2 || n >= sizeof ret_address->sun_path)
    {
      errno = EINVAL;
      return false;
    }
  *ret_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
  memcpy (ret_address->sun_path, name, n);
  if (name[0] == '@')
    ret_address->sun_path[0] = '\0';
  else
    n++; /* a path with its NUL */
  *ret_len = (socklen_t) (offsetof (struct sockaddr_un, sun_path) + n);
  return true;
}

bool
p2p_notify (const char *state)
{
  const char *name = g_getenv ("NOTIFY_SOCKET");
  struct sockaddr_un address;
  socklen_t len;
  p2p_autofd fd = -1;

  errno = 0;
  if (!name || !make_address (name, &address, &len))
    return false;
  fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  return fd >= 0
         && sendto (fd, state, strlen (state), MSG_NOSIGNAL, (struct sockaddr *) &address, len)
                >= 0;
}

static bool
env_number (const char *name, uint64_t *ret_value)
{
  const char *text = g_getenv (name);

  return text && p2p_span_to_u64 (p2p_span_from_string (text), ret_value);
}

int64_t
p2p_notify_watchdog_us (void)
{
  uint64_t us, pid;

  if (!g_getenv ("NOTIFY_SOCKET") || !env_number ("WATCHDOG_USEC", &us) || us > INT64_MAX)
    return 0;
  /* Set for one process: not for those that inherited the variable. */
  if (g_getenv ("WATCHDOG_PID")
      && (!env_number ("WATCHDOG_PID", &pid) || pid != (uint64_t) getpid ()))
    return 0;
  return (int64_t) us;
}
