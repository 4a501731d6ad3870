/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Listening sockets. No state. */
#include "lib/listen.h"

#include "lib/fd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

G_DEFINE_QUARK (p2p-listen-error, p2p_listen_error)

#define BACKLOG 4096 /* the kernel's somaxconn cuts it */

typedef union
{
  struct sockaddr any;
  struct sockaddr_in in;
  struct sockaddr_in6 in6;
  struct sockaddr_un un;
} Address;

/* "" is all addresses: an IPv6 socket that takes IPv4 as well. */
static bool
parse_address (const char *text, uint16_t port, Address *address, socklen_t *len)
{
  memset (address, 0, sizeof *address);
  if (inet_pton (AF_INET, text, &address->in.sin_addr) == 1)
    {
      address->in.sin_family = AF_INET;
      address->in.sin_port = htons (port);
      *len = sizeof address->in;
      return true;
    }
  if (*text == '\0' || inet_pton (AF_INET6, text, &address->in6.sin6_addr) == 1)
    {
      address->in6.sin6_family = AF_INET6;
      address->in6.sin6_port = htons (port);
      *len = sizeof address->in6;
      return true;
    }
  return false;
}

static bool
parse_unix (const char *path, Address *address, socklen_t *len)
{
  memset (address, 0, sizeof *address);
  address->un.sun_family = AF_UNIX;
  *len = sizeof address->un;
  return g_strlcpy (address->un.sun_path, path, sizeof address->un.sun_path)
         < sizeof address->un.sun_path;
}

/* A socket file that nobody listens on any more is in the way; one in use stays. */
static void
remove_stale_socket (const Address *address, socklen_t len)
{
  struct stat st;
  p2p_autofd fd = -1;

  if (lstat (address->un.sun_path, &st) != 0 || !S_ISSOCK (st.st_mode))
    return;
  fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect (fd, &address->any, len) != 0 && errno == ECONNREFUSED)
    (void) unlink (address->un.sun_path); /* bind () says what is wrong */
}

static uint16_t
bound_port (int fd)
{
  Address address;
  socklen_t len = sizeof address;

  if (getsockname (fd, &address.any, &len) != 0)
    return 0;
  if (address.any.sa_family == AF_INET)
    return ntohs (address.in.sin_port);
  return address.any.sa_family == AF_INET6 ? ntohs (address.in6.sin6_port) : 0;
}

static int
listen_at (const Address *address, socklen_t len)
{
  p2p_autofd fd = socket (address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int on = 1, off = 0;

  if (fd < 0)
    return -1;
  /* None of these can fail on a fresh socket of its family. */
  (void) setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address->any.sa_family == AF_INET6)
    (void) setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY,
                       IN6_IS_ADDR_UNSPECIFIED (&address->in6.sin6_addr) ? &off : &on, sizeof on);
  if (bind (fd, &address->any, len) != 0 || listen (fd, BACKLOG) != 0)
    return -1;
  return g_steal_fd (&fd);
}

int
p2p_listen (const char *bind_address, uint16_t port, uint16_t *ret_port, GError **error)
{
  bool is_unix = g_str_has_prefix (bind_address, "unix:");
  Address address;
  socklen_t len;
  int fd;

  if (is_unix ? !parse_unix (bind_address + 5, &address, &len)
              : !parse_address (bind_address, port, &address, &len))
    {
      g_set_error (error, P2P_LISTEN_ERROR, P2P_LISTEN_ERROR_FAILED, "'%s' is not an address",
                   bind_address);
      return -1;
    }
  if (is_unix)
    remove_stale_socket (&address, len);
  fd = listen_at (&address, len);
  if (fd < 0 && errno == EAFNOSUPPORT && *bind_address == '\0')
    {
      (void) parse_address ("0.0.0.0", port, &address, &len); /* a host without IPv6 */
      fd = listen_at (&address, len);
    }
  if (fd < 0)
    {
      int saved_errno = errno;
      g_autofree char *where = is_unix ? g_strdup (bind_address + 5)
                               : *bind_address ? g_strdup_printf ("%s port %u", bind_address, port)
                                               : g_strdup_printf ("port %u", port);

      g_set_error (error, P2P_LISTEN_ERROR, P2P_LISTEN_ERROR_FAILED, "%s: %s", where,
                   g_strerror (saved_errno));
      return -1;
    }
  *ret_port = bound_port (fd);
  return fd;
}
