/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The tunnel's own protocol on top of Yamux: one control frame each way at the start of a stream (4
 * bytes of length, big-endian, and JSON), then raw bytes. Printed into and read from fixed buffers;
 * no function here allocates or blocks unless it says so. */
#pragma once

#include "lib/stream.h"

#define P2P_TUNNEL_FRAME_MAX ((size_t) 16384) /* of the JSON */
#define P2P_TUNNEL_PROTOCOL "p2pstream-yamux"
#define P2P_TUNNEL_VERSION 1
/* A feature: who names it goes on sending on a stream after the other's FIN. */
#define P2P_TUNNEL_HALF_CLOSE "half-close"
#define P2P_TUNNEL_PATH "/agent/tunnel"

/* Why an agent did not open a stream; the names are those of the wire. */
#define P2P_TUNNEL_ERRORS(X)                                                                       \
  X (DIAL_FAILED, "dial_failed")                                                                   \
  X (DIAL_TIMEOUT, "dial_timeout")                                                                 \
  X (DENIED, "denied")                                                                             \
  X (UNSUPPORTED_VERSION, "unsupported_version")                                                   \
  X (INVALID_OPEN_REQUEST, "invalid_open_request")                                                 \
  X (OVERLOADED, "overloaded")

typedef enum
{
  P2P_TUNNEL_OK,
#define X(id, name) P2P_TUNNEL_##id,
  P2P_TUNNEL_ERRORS (X)
#undef X
  P2P_TUNNEL_OTHER, /* a kind that this version does not know */
} P2pTunnelError;

/* Static text, as on the wire; "ok" and "error" for the two others. */
const char *p2p_tunnel_error_text (P2pTunnelError error);

typedef enum
{
  P2P_TUNNEL_TCP,
  P2P_TUNNEL_PROBE,
} P2pTunnelNetwork;

typedef struct
{
  P2pTunnelNetwork network;
  char host[256]; /* without brackets, NUL-terminated; "-" for a probe */
  uint16_t port;
  char request_id[65];
} P2pTunnelOpen;

/* A whole frame, length included, into buf; the number of bytes, or 0 when it does not fit. */
size_t p2p_tunnel_print_open (char *buf, size_t size, const P2pTunnelOpen *open);
/* detail (nullable): a sentence for the other end's log. */
size_t p2p_tunnel_print_answer (char *buf, size_t size, P2pTunnelError error, const char *detail);

/* The JSON of a frame. P2P_TUNNEL_OK, or what to answer: UNSUPPORTED_VERSION, INVALID_OPEN_REQUEST.
 */
P2pTunnelError p2p_tunnel_parse_open (P2pSpan json, P2pTunnelOpen *ret_open);
/* False: malformed. */
bool p2p_tunnel_parse_answer (P2pSpan json, P2pTunnelError *ret_error);

/* Reads one frame's JSON into buf; blocks to the deadline. P2P_IO_PROTO: longer than size or than
 * allowed. */
P2pIo p2p_tunnel_read_frame (P2pStream *strm,
                             char *buf,
                             size_t size,
                             P2pSpan *ret_json,
                             int64_t deadline_us);

/* The opener's end of a stream (takes over lower, also on failure): the open request goes out with
 * the first bytes written, or by a flush or a read; the answer is read before the first byte that
 * is given. If it says no, reading answers P2P_IO_REFUSED. Allocates. */
P2pStream *p2p_stream_tunnel_new (P2pStream *take_lower, const P2pTunnelOpen *open);
/* Whether the agent's answer was read, good or bad. For the reading thread. */
bool p2p_stream_tunnel_is_answered (P2pStream *strm);
/* See p2p_yamux_stream_leaving (), of the stream below, which is a Yamux one. */
bool p2p_stream_tunnel_is_leaving (P2pStream *strm);
/* After it failed: see p2p_yamux_stream_unseen (), of the stream below, which is a Yamux one. */
bool p2p_stream_tunnel_is_unseen (P2pStream *strm);
/* What the agent answered so far: P2P_TUNNEL_OK while nothing bad is known. */
P2pTunnelError p2p_stream_tunnel_get_error (P2pStream *strm);
