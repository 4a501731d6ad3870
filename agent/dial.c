/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The way to the daemon: name, connection, TLS, and the request for the tunnel (tunnel.md,
 * "Opening"). Blocks to the deadline, or until it is stopped. */
#include "agent/dial.h"

#include "lib/fd.h"
#include "lib/http1.h"
#include "lib/stream-tls.h"
#include "lib/tunnel.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD_MAX 8192

static bool
send_request (P2pStream *strm, int64_t deadline_us)
{
  g_autofree char *text = g_strdup_printf (
      "GET " P2P_TUNNEL_PATH " HTTP/1.1\r\n"
      "Host: %s\r\n"
      "Authorization: Bearer %s\r\n"
      "X-P2PStream-Agent-ID: %s\r\n"
      "X-P2PStream-Agent-Name: %s\r\n"
      "X-P2PStream-Agent-Version: " PACKAGE_VERSION "\r\n"
      "X-P2PStream-Agent-Instance: %s\r\n"
      "Connection: Upgrade\r\n"
      "Upgrade: " P2P_TUNNEL_PROTOCOL "\r\n"
      "X-P2PStream-Tunnel-Version: 1\r\n"
      "X-P2PStream-Tunnel-Features: " P2P_TUNNEL_HALF_CLOSE "\r\n\r\n",
      agent.authority, agent.token, agent.settings.agent_id, agent.name, agent.instance);
  struct iovec iov = { .iov_base = text, .iov_len = strlen (text) };
  bool sent = p2p_stream_write_all (strm, &iov, 1, NULL, deadline_us) == P2P_IO_OK;

  memset (text, 0, iov.iov_len); /* it held the token */
  return sent;
}

/* Byte by byte, so that nothing behind the head is taken: the first frame may follow it at once. */
P2pIo
dial_read_head (P2pStream *strm, char *buf, size_t size, size_t *ret_size, int64_t deadline_us)
{
  size_t n = 0, scanned = 0, got;

  for (;;)
    {
      P2pIo io
          = n == size ? P2P_IO_OVERFLOW : p2p_stream_read (strm, buf + n, 1, &got, deadline_us);

      if (io != P2P_IO_OK)
        return io;
      n++;
      switch (p2p_http1_find_end (buf, n, &scanned, ret_size))
        {
        case P2P_HTTP1_OK:
          return P2P_IO_OK;
        case P2P_HTTP1_MORE:
          break;
        default:
          return P2P_IO_PROTO;
        }
    }
}

static DialResult
judge_answer (const P2pResponseHead *head, char **ret_why)
{
  const P2pField *upgrade = p2p_message_field (&head->msg, P2P_FIELD_UPGRADE);

  if (head->status == 101 && upgrade
      && p2p_span_equal_nocase (upgrade->value, P2P_SPAN (P2P_TUNNEL_PROTOCOL)))
    return DIAL_OK;
  switch (head->status)
    {
    case 401:
      *ret_why = g_strdup ("the daemon does not know this agent id and token (401)");
      break;
    case 403:
      *ret_why = g_strdup ("the daemon does not let this agent in (403): it is disabled there, or "
                           "AGENT_TLS_CERT_FILE is not a client certificate of the CA that the "
                           "daemon asks for");
      break;
    case 409:
      *ret_why = g_strdup ("the daemon says that this agent is connected already (409)");
      break;
    case 426:
      *ret_why = g_strdup ("the daemon speaks another version of the tunnel (426)");
      break;
    case 503:
      *ret_why = g_strdup ("the daemon has too many agents (503)");
      break;
    default:
      *ret_why
          = g_strdup_printf ("the daemon answered %u instead of opening the tunnel", head->status);
    }
  return DIAL_REFUSED;
}

DialResult
dial_ask (P2pStream *strm, int64_t deadline_us, char **ret_why)
{
  g_autofree P2pResponseHead *head = g_new (P2pResponseHead, 1);
  char buf[HEAD_MAX];
  size_t size;
  P2pIo io = send_request (strm, deadline_us)
                 ? dial_read_head (strm, buf, sizeof buf, &size, deadline_us)
                 : P2P_IO_RESET;

  if (io == P2P_IO_OK && p2p_http1_parse_response (buf, size, P2P_METHOD_GET, head) != P2P_HTTP1_OK)
    io = P2P_IO_PROTO;
  if (io == P2P_IO_OK)
    return judge_answer (head, ret_why);
  *ret_why = g_strdup_printf ("no answer to the request for the tunnel: %s", p2p_io_text (io));
  return DIAL_FAILED;
}

/* --- stopping --------------------------------------------------------------------------------- */

bool
dial_stop_init (DialStop *stop)
{
  stop->strm = NULL;
  stop->stopped = false;
  stop->bell_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (stop->bell_fd < 0)
    return false;
  p2p_mutex_init (&stop->lock, P2P_LOCK_LEAF);
  return true;
}

void
dial_stop_done (DialStop *stop)
{
  p2p_fd_close (&stop->bell_fd);
  p2p_mutex_done (&stop->lock);
}

void
dial_stop (DialStop *stop)
{
  uint64_t one = 1;
  P2P_LOCKED (&stop->lock);

  stop->stopped = true;
  if (write (stop->bell_fd, &one, sizeof one) < 0)
    g_assert (errno == EAGAIN); /* full: rung already */
  /* Who reads or writes it finds the end at once; there may be none any more. */
  if (stop->strm)
    (void) shutdown (p2p_stream_fd (stop->strm), SHUT_RDWR);
}

/* From now on strm (nullable: none) is what a stop ends. False: it has been stopped already. */
static bool
show_stream (DialStop *stop, P2pStream *strm)
{
  P2P_LOCKED (&stop->lock);

  stop->strm = strm;
  return !stop->stopped;
}

void
dial_close (P2pStream *take_strm, DialStop *stop)
{
  (void) show_stream (stop, NULL); /* its descriptor may be another's soon */
  p2p_stream_close (take_strm);
}

/* --- connecting ------------------------------------------------------------------------------- */

static P2pIo
connect_tcp (P2pStream **ret_strm, DialStop *stop, unsigned first, int64_t deadline_us)
{
  P2pAddress addresses[P2P_ADDRESSES_MAX], turned[P2P_ADDRESSES_MAX];
  unsigned n = 0;
  P2pIo io = p2p_resolver_lookup_fresh (agent.daemon_resolver, p2p_span_from_string (agent.host),
                                        agent.port, addresses, &n, deadline_us);

  if (io != P2P_IO_OK)
    return io;
  for (unsigned i = 0; i < n; i++)
    turned[i] = addresses[(i + first) % n];
  return p2p_connect_addresses_unless (turned, n, stop->bell_fd, deadline_us, ret_strm);
}

/* Takes the connection over; it is closed on failure. */
static P2pIo
start_tls (P2pStream *take_strm,
           DialStop *stop,
           int64_t deadline_us,
           P2pStream **ret_strm,
           char **ret_why)
{
  P2pStream *tls = p2p_stream_tls_client_new (take_strm, agent.tls, agent.host);
  P2pIo io = p2p_stream_tls_handshake (tls, deadline_us);
  g_autofree char *detail = NULL;

  if (io == P2P_IO_OK)
    {
      *ret_strm = tls;
      return P2P_IO_OK;
    }
  detail = p2p_stream_tls_dup_error (tls);
  *ret_why
      = g_strdup_printf ("TLS with %s: %s", agent.authority, detail ? detail : p2p_io_text (io));
  dial_close (tls, stop);
  return io;
}

P2pIo
dial_connect (P2pStream **ret_strm,
              DialStop *stop,
              unsigned first,
              int64_t deadline_us,
              char **ret_why)
{
  P2pStream *strm = NULL;
  P2pIo io = connect_tcp (&strm, stop, first, deadline_us);

  if (io == P2P_IO_OK && !show_stream (stop, strm))
    {
      dial_close (strm, stop);
      io = P2P_IO_STOPPED;
    }
  if (io != P2P_IO_OK)
    {
      *ret_why = g_strdup_printf ("%s: %s", agent.authority, p2p_io_text (io));
      return io;
    }
  if (agent.tls)
    return start_tls (strm, stop, deadline_us, ret_strm, ret_why);
  *ret_strm = strm;
  return P2P_IO_OK;
}
