/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Sockets of the service manager's, see inherited.h. */
#include "daemon/proxy/inherited.h"

#include "lib/fd.h"
#include "lib/log.h"
#include "lib/span.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_FD 3
#define FDS_MAX                                                                                    \
  1024 /* more than any unit has: a wrong number must not make us close what is not there */
#define BACKLOG 4096 /* as of those that we bind ourselves */

typedef union
{
  struct sockaddr any;
  struct sockaddr_in in;
  struct sockaddr_in6 in6;
  struct sockaddr_un un;
} Address;

typedef struct
{
  int fd;
  char *name; /* (owned) of LISTEN_FDNAMES: for the log */
  Address address;
  bool v6_only;
  bool borrowed, resting;
} Inherited;

static GArray *table; /* (owned) (nullable: none) of Inherited */

/* --- start and end ---------------------------------------------------------------------------- */

static bool
env_number (const char *name, uint64_t *ret_value)
{
  const char *text = g_getenv (name);

  return text && p2p_span_to_u64 (p2p_span_from_string (text), ret_value);
}

static char *
describe (const Inherited *one)
{
  char text[INET6_ADDRSTRLEN] = "";

  if (one->address.any.sa_family == AF_UNIX)
    return g_strdup_printf ("socket '%s' of the service manager (unix:%.*s)", one->name,
                            (int) sizeof one->address.un.sun_path, one->address.un.sun_path);
  (void) inet_ntop (one->address.any.sa_family,
                    one->address.any.sa_family == AF_INET ? (const void *) &one->address.in.sin_addr
                                                          : &one->address.in6.sin6_addr,
                    text, sizeof text); /* fits */
  return g_strdup_printf ("socket '%s' of the service manager (%s port %u)", one->name, text,
                          ntohs (one->address.in.sin_port)); /* at the same place in both */
}

static int
get_option (int fd, int level, int name)
{
  int value = 0;
  socklen_t len = sizeof value;

  return getsockopt (fd, level, name, &value, &len) == 0 ? value : -1;
}

/* False: it is nothing that we could accept from. */
static bool
look_at (Inherited *one)
{
  socklen_t len = sizeof one->address;
  int flags = fcntl (one->fd, F_GETFL), on = 1;

  if (flags < 0 || get_option (one->fd, SOL_SOCKET, SO_TYPE) != SOCK_STREAM
      || get_option (one->fd, SOL_SOCKET, SO_ACCEPTCONN) != 1
      || getsockname (one->fd, &one->address.any, &len) != 0)
    return false;
  if (one->address.any.sa_family == AF_INET6)
    one->v6_only = get_option (one->fd, IPPROTO_IPV6, IPV6_V6ONLY) == 1;
  else if (one->address.any.sa_family != AF_INET && one->address.any.sa_family != AF_UNIX)
    return false;
  /* Connections inherit it, and those that go on must not be in the way when it listens again. Unix
   * sockets don't know it. */
  (void) setsockopt (one->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  return fcntl (one->fd, F_SETFD, FD_CLOEXEC) == 0
         && fcntl (one->fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

static void
inherited_clear (void *data)
{
  g_free (((Inherited *) data)->name);
}

void
inherited_start (void)
{
  uint64_t pid, n;
  g_auto (GStrv) names = NULL;

  /* Set for one process: not for those that inherited the variable. */
  if (!env_number ("LISTEN_PID", &pid) || pid != (uint64_t) getpid ()
      || !env_number ("LISTEN_FDS", &n) || n == 0 || n > FDS_MAX)
    return;
  names = g_strsplit (g_getenv ("LISTEN_FDNAMES") ? g_getenv ("LISTEN_FDNAMES") : "", ":", -1);
  table = g_array_new (FALSE, TRUE, sizeof (Inherited));
  g_array_set_clear_func (table, inherited_clear);
  for (unsigned i = 0; i < n; i++)
    {
      Inherited one = { .fd = FIRST_FD + (int) i };
      const char *name = i < g_strv_length (names) ? names[i] : "unknown";

      if (!look_at (&one))
        {
          p2p_log (
              P2P_LOG_WARNING, "proxy",
              "descriptor %d '%s' of the service manager is no listening stream socket, not used",
              one.fd, name);
          continue;
        }
      one.name = g_strdup (name);
      g_array_append_val (table, one);
    }
}

void
inherited_stop (void)
{
  for (unsigned i = 0; table && i < table->len; i++)
    {
      Inherited *one = &g_array_index (table, Inherited, i);

      if (one->resting)
        (void) listen (one->fd, BACKLOG); /* it did before */
      p2p_fd_close (&one->fd);
    }
  g_clear_pointer (&table, g_array_unref);
}

void
inherited_report (void)
{
  for (unsigned i = 0; table && i < table->len; i++)
    {
      const Inherited *one = &g_array_index (table, Inherited, i);
      g_autofree char *what = one->borrowed ? NULL : describe (one);

      if (what)
        p2p_log (P2P_LOG_WARNING, "proxy",
                 "%s: no listener has its address and port, who connects there waits", what);
    }
}

/* --- matching --------------------------------------------------------------------------------- */

static bool
is_unix_at (const Inherited *one, const char *path)
{
  return one->address.any.sa_family == AF_UNIX
         && strncmp (one->address.un.sun_path, path, sizeof one->address.un.sun_path) == 0;
}

/* "" is all addresses of both families: one that takes both, or, on a host without IPv6, one of
 * IPv4. */
static bool
is_inet_at (const Inherited *one, const char *text, uint16_t port, bool settle_for_v4)
{
  struct in6_addr v6 = IN6ADDR_ANY_INIT;
  struct in_addr v4 = { .s_addr = htonl (INADDR_ANY) };

  if (port == 0 || one->address.any.sa_family == AF_UNIX
      || one->address.in.sin_port != htons (port))
    return false;
  if (one->address.any.sa_family == AF_INET)
    return (*text ? inet_pton (AF_INET, text, &v4) == 1 : settle_for_v4)
           && v4.s_addr == one->address.in.sin_addr.s_addr;
  return (*text ? inet_pton (AF_INET6, text, &v6) == 1 : !one->v6_only)
         && IN6_ARE_ADDR_EQUAL (&v6, &one->address.in6.sin6_addr);
}

static Inherited *
find (const char *bind_address, uint16_t port)
{
  for (unsigned round = 0; table && round < 2; round++)
    for (unsigned i = 0; i < table->len; i++)
      {
        Inherited *one = &g_array_index (table, Inherited, i);

        if (!one->borrowed
            && (g_str_has_prefix (bind_address, "unix:")
                    ? is_unix_at (one, bind_address + 5)
                    : is_inet_at (one, bind_address, port, round > 0)))
          return one;
      }
  return NULL;
}

int
inherited_borrow (const char *bind_address, uint16_t port, uint16_t *ret_port)
{
  Inherited *one = find (bind_address, port);

  if (!one || (one->resting && listen (one->fd, BACKLOG) != 0))
    return -1; /* then bind () says what is wrong */
  one->borrowed = true;
  one->resting = false;
  *ret_port = port;
  return one->fd;
}

void
inherited_give_back (int fd)
{
  for (unsigned i = 0; table && i < table->len; i++)
    {
      Inherited *one = &g_array_index (table, Inherited, i);

      if (one->fd != fd)
        continue;
      one->borrowed = false;
      /* Linux stops to listen and keeps the port; listen () goes on. */
      one->resting = one->address.any.sa_family != AF_UNIX && shutdown (fd, SHUT_RD) == 0;
    }
}
