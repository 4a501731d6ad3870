/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Whose connection it is when a trusted proxy in front passes on bytes: its PROXY header, before
 * anything else. The socket is looked at first and then read to the header's last byte only, so
 * that whatever follows is the client's, TLS or not. The connection's worker; no state but the
 * connection's. */
#include "daemon/proxy/proxy-priv.h"

#include "lib/log.h"
#include "lib/peer.h"
#include "lib/proxy-header.h"
#include "lib/watch.h"

#include <errno.h>
#include <glib.h>
#include <sys/socket.h>

#define SAY_AGAIN_US (10 * G_USEC_PER_SEC)

static const unsigned versions[] = {
  [CONFIG_PROXY_PROTOCOL_OFF] = 0,
  [CONFIG_PROXY_PROTOCOL_V1] = P2P_PROXY_HEADER_V1,
  [CONFIG_PROXY_PROTOCOL_V2] = P2P_PROXY_HEADER_V2,
  [CONFIG_PROXY_PROTOCOL_ANY] = P2P_PROXY_HEADER_V1 | P2P_PROXY_HEADER_V2,
};

unsigned
conn_wanted_header (int64_t listener_id, const struct sockaddr *peer)
{
  g_autoptr (Config) cfg = config_get_current ();
  const ConfigListener *listener = config_find_listener (cfg, listener_id);

  if (!listener || listener->proxy_protocol == CONFIG_PROXY_PROTOCOL_OFF
      || !client_is_trusted_peer (listener_id, peer))
    return 0; /* who is not trusted is not asked: such a header is a malformed request of its own */
  return versions[listener->proxy_protocol];
}

/* What a wrongly configured proxy gets is an end without a word; the log says why, now and then. */
static void
say_refused (const Conn *conn, P2pSpan reason)
{
  static atomic_int_fast64_t say_again_at_us;
  g_autoptr (Config) cfg = config_get_current ();
  const ConfigListener *listener = config_find_listener (cfg, conn->listener->id);
  int_fast64_t now_us = p2p_now_us (), again_at_us = atomic_load (&say_again_at_us);

  if (now_us < again_at_us
      || !atomic_compare_exchange_strong (&say_again_at_us, &again_at_us, now_us + SAY_AGAIN_US))
    return;
  p2p_log (P2P_LOG_WARNING, "proxy", "listener '%s': proxy %s: %.*s, closing the connection",
           listener ? listener->name : "(removed)", conn->address, P2P_SPAN_ARG (reason));
}

/* Counts as a connection of that address from now on, and not of the proxy's. */
static P2pIo
take_source (Conn *conn, const P2pProxyHeader *header)
{
  const struct sockaddr *source = (const struct sockaddr *) &header->source;
  unsigned n;

  if (source->sa_family == AF_UNSPEC)
    return P2P_IO_OK;
  p2p_peer_format (source, conn->address, &conn->port);
  address_count_leave (conn->count);
  conn->count = address_count_enter (source, &n);
  if (n <= proxy.options.max_connections_per_address
      || client_is_trusted_peer (conn->listener->id, source))
    return P2P_IO_OK;
  return P2P_IO_OVERFLOW;
}

/* What was looked at is read now. */
static bool
read_exactly (int fd, char *buf, size_t n)
{
  ssize_t got;

  do
    got = recv (fd, buf, n, MSG_DONTWAIT);
  while (got < 0 && errno == EINTR);
  return got == (ssize_t) n; /* nobody else reads, so all of it is there */
}

P2pIo
conn_read_header (Conn *conn)
{
  int fd = p2p_stream_fd (conn->strm);
  char buf[P2P_PROXY_HEADER_MAX];
  size_t n_old = conn->n_early, n_new;
  P2pProxyHeader header;
  P2pProxyHeaderResult result;
  ssize_t n;

  p2p_watch_forget_fd (fd);
  memcpy (buf, conn->early ? conn->early : "", n_old);
  do
    n = recv (fd, buf + n_old, sizeof buf - n_old, MSG_PEEK | MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n <= 0)
    return n == 0 ? P2P_IO_EOF : errno == EAGAIN ? P2P_IO_AGAIN : P2P_IO_RESET;
  result = p2p_proxy_header_parse ((P2pSpan){ buf, n_old + (size_t) n }, conn->header_versions,
                                   &header);
  if (result == P2P_PROXY_HEADER_BAD)
    {
      say_refused (conn, header.reason_bad);
      return P2P_IO_PROTO;
    }
  n_new = result == P2P_PROXY_HEADER_OK ? header.size - n_old : (size_t) n;
  if (!read_exactly (fd, buf + n_old, n_new))
    return P2P_IO_RESET;
  conn_drop_early (conn);
  if (result == P2P_PROXY_HEADER_OK)
    return take_source (conn, &header);
  return conn_keep_early (conn, buf, n_old + n_new) ? P2P_IO_AGAIN : P2P_IO_OVERFLOW;
}
