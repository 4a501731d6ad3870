/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Control frames: printing and reading. No state; any thread. */
#include "lib/tunnel.h"

#include "lib/json-scan.h"

#include <glib.h>
#include <stdio.h>

static const char *const error_texts[] = {
  [P2P_TUNNEL_OK] = "ok",
#define X(id, name) [P2P_TUNNEL_##id] = name,
  P2P_TUNNEL_ERRORS (X)
#undef X
  [P2P_TUNNEL_OTHER] = "error",
};

const char *
p2p_tunnel_error_text (P2pTunnelError error)
{
  return error_texts[error];
}

/* --- printing --------------------------------------------------------------------------------- */

typedef struct
{
  char *buf; /* (borrowed) */
  size_t size, n;
  bool overflow;
} Printer;

static void
print (Printer *printer, const char *text)
{
  size_t n = strlen (text);

  if (n > printer->size - printer->n)
    {
      printer->overflow = true;
      return;
    }
  memcpy (printer->buf + printer->n, text, n);
  printer->n += n;
}

static void
print_string (Printer *printer, const char *text)
{
  size_t n = p2p_json_print_string (printer->buf + printer->n, printer->size - printer->n, text);

  printer->overflow |= n == 0;
  printer->n += n;
}

/* The length goes before what was printed behind its four bytes. */
static size_t
close_frame (Printer *printer)
{
  size_t n = printer->n - 4;

  if (printer->overflow || n > P2P_TUNNEL_FRAME_MAX)
    return 0;
  for (int i = 0; i < 4; i++)
    printer->buf[i] = (char) (n >> (24 - 8 * i));
  return printer->n;
}

size_t
p2p_tunnel_print_open (char *buf, size_t size, const P2pTunnelOpen *open)
{
  Printer printer = { .buf = buf, .size = size, .n = 4 };
  bool ipv6 = strchr (open->host, ':') != NULL;
  char address[sizeof open->host + 16];

  if (size < 4)
    return 0;
  (void) snprintf (address, sizeof address, ipv6 ? "[%s]:%u" : "%s:%u", open->host,
                   open->port); /* fits */
  print (&printer, "{\"version\":1,\"request_id\":");
  print_string (&printer, open->request_id);
  print (&printer, open->network == P2P_TUNNEL_PROBE ? ",\"network\":\"probe\",\"address\":"
                                                     : ",\"network\":\"tcp\",\"address\":");
  print_string (&printer, open->network == P2P_TUNNEL_PROBE ? "-" : address);
  print (&printer, "}");
  return close_frame (&printer);
}

size_t
p2p_tunnel_print_answer (char *buf, size_t size, P2pTunnelError error, const char *detail)
{
  Printer printer = { .buf = buf, .size = size, .n = 4 };

  if (size < 4)
    return 0;
  if (error == P2P_TUNNEL_OK)
    print (&printer, "{\"ok\":true}");
  else
    {
      print (&printer, "{\"ok\":false,\"error_kind\":");
      print_string (&printer, p2p_tunnel_error_text (error));
      print (&printer, ",\"error\":");
      print_string (&printer, detail ? detail : p2p_tunnel_error_text (error));
      print (&printer, "}");
    }
  return close_frame (&printer);
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool
is_key (const P2pJsonMember *member, const char *key)
{
  return p2p_span_equal (member->key, p2p_span_from_string (key));
}

/* "host:port", "[ipv6]:port". */
static bool
split_address (const char *address, P2pTunnelOpen *open)
{
  P2pSpan all = p2p_span_from_string (address), host, port;
  const char *colon = strrchr (address, ':');
  uint64_t value;

  if (!colon)
    return false;
  host = (P2pSpan){ all.p, (size_t) (colon - all.p) };
  port = (P2pSpan){ colon + 1, all.n - host.n - 1 };
  if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
    host = (P2pSpan){ host.p + 1, host.n - 2 };
  else if (memchr (host.p, ':', host.n))
    return false;
  if (!p2p_span_to_u64 (port, &value) || value == 0 || value > 65535 || host.n == 0
      || host.n >= sizeof open->host)
    return false;
  memcpy (open->host, host.p, host.n);
  open->host[host.n] = '\0';
  open->port = (uint16_t) value;
  return true;
}

static bool
read_network (const P2pJsonMember *member, P2pTunnelOpen *open)
{
  char network[8];

  if (!p2p_json_unescape (member, network, sizeof network))
    return false;
  open->network = strcmp (network, "probe") == 0 ? P2P_TUNNEL_PROBE : P2P_TUNNEL_TCP;
  return open->network == P2P_TUNNEL_PROBE || strcmp (network, "tcp") == 0;
}

P2pTunnelError
p2p_tunnel_parse_open (P2pSpan json, P2pTunnelOpen *ret_open)
{
  P2pTunnelOpen open = { 0 };
  bool has_network = false, has_address = false, good = true;
  uint64_t version = 0;
  char address[sizeof open.host + 16];
  P2pJsonScan scan;
  P2pJsonMember member;

  p2p_json_scan_init (&scan, json);
  while (good && p2p_json_scan_next (&scan, &member))
    {
      if (is_key (&member, "version"))
        good = member.kind == P2P_JSON_NUMBER && p2p_span_to_u64 (member.value, &version);
      else if (is_key (&member, "network"))
        good = has_network = read_network (&member, &open);
      else if (is_key (&member, "address"))
        good = has_address = p2p_json_unescape (&member, address, sizeof address);
      else if (is_key (&member, "request_id"))
        good = p2p_json_unescape (&member, open.request_id, sizeof open.request_id);
    }
  if (!good || !scan.finished)
    return P2P_TUNNEL_INVALID_OPEN_REQUEST;
  if (version != P2P_TUNNEL_VERSION)
    return P2P_TUNNEL_UNSUPPORTED_VERSION;
  if (!has_network || !has_address
      || (open.network == P2P_TUNNEL_TCP && !split_address (address, &open)))
    return P2P_TUNNEL_INVALID_OPEN_REQUEST;
  *ret_open = open;
  return P2P_TUNNEL_OK;
}

static P2pTunnelError
kind_from_text (const P2pJsonMember *member)
{
  char text[40];

  if (p2p_json_unescape (member, text, sizeof text))
    for (int i = P2P_TUNNEL_OK + 1; i < P2P_TUNNEL_OTHER; i++)
      if (strcmp (text, error_texts[i]) == 0)
        return (P2pTunnelError) i;
  return P2P_TUNNEL_OTHER;
}

bool
p2p_tunnel_parse_answer (P2pSpan json, P2pTunnelError *ret_error)
{
  P2pTunnelError kind = P2P_TUNNEL_OTHER;
  bool has_ok = false, ok = false;
  P2pJsonScan scan;
  P2pJsonMember member;

  p2p_json_scan_init (&scan, json);
  while (p2p_json_scan_next (&scan, &member))
    {
      if (is_key (&member, "ok"))
        {
          has_ok = member.kind == P2P_JSON_TRUE || member.kind == P2P_JSON_FALSE;
          ok = member.kind == P2P_JSON_TRUE;
        }
      else if (is_key (&member, "error_kind"))
        kind = kind_from_text (&member);
    }
  if (!scan.finished || !has_ok)
    return false;
  *ret_error = ok ? P2P_TUNNEL_OK : kind;
  return true;
}

static P2pIo
read_exactly (P2pStream *strm, char *buf, size_t size, int64_t deadline_us)
{
  for (size_t n = 0, got; n < size; n += got)
    {
      P2pIo io = p2p_stream_read (strm, buf + n, size - n, &got, deadline_us);

      if (io != P2P_IO_OK)
        return io;
    }
  return P2P_IO_OK;
}

P2pIo
p2p_tunnel_read_frame (P2pStream *strm,
                       char *buf,
                       size_t size,
                       P2pSpan *ret_json,
                       int64_t deadline_us)
{
  unsigned char length[4];
  size_t n;
  P2pIo io = read_exactly (strm, (char *) length, sizeof length, deadline_us);

  if (io != P2P_IO_OK)
    return io;
  n = (size_t) length[0] << 24 | (size_t) length[1] << 16 | (size_t) length[2] << 8 | length[3];
  if (n > size || n > P2P_TUNNEL_FRAME_MAX)
    return P2P_IO_PROTO;
  io = read_exactly (strm, buf, n, deadline_us);
  if (io == P2P_IO_OK)
    *ret_json = (P2pSpan){ buf, n };
  return io;
}
