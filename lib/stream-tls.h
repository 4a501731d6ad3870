/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* TLS over any other stream, with GnuTLS.
 *
 * GnuTLS 3.7 does not bear a reader and a writer thread on one session (a KeyUpdate replaces both
 * directions), so every gnutls call on a session is made under that session's lock, and nothing
 * blocks inside: the pull function reads the stream below with P2P_TRY, the push function appends
 * to the session's output buffer and never fails; the buffer goes to the stream below after the
 * lock is released, by the writer, or by the reader when no writer is at work. So one reader and
 * one writer thread may use a TLS stream at the same time. */
#pragma once

#include "lib/stream.h"
#include "lib/tls.h"

/* Takes over the lower stream (also on failure: it is closed then). Does not handshake yet. */
P2pStream *p2p_stream_tls_server_new (P2pStream *take_lower, P2pTlsServer *server);
/* server_name (nullable) is sent as SNI unless it is an address, and is what the certificate is
 * judged by. */
P2pStream *
p2p_stream_tls_client_new (P2pStream *take_lower, P2pTlsClient *client, const char *server_name);

/* The same, and a session that p2p_stream_tls_remember () kept under that key may be resumed. The
 * key (not 0) stands for the peer with its name and address, and for nobody else as long as the
 * context lives. */
P2pStream *p2p_stream_tls_client_new_resuming (P2pStream *take_lower,
                                               P2pTlsClient *client,
                                               const char *server_name,
                                               uint64_t key);
/* Keeps what the next connection needs to resume this one's session, if the peer gave it. Reader
 * only. */
void p2p_stream_tls_remember (P2pStream *strm);
/* Whether the handshake resumed a session. */
bool p2p_stream_tls_is_resumed (P2pStream *strm);

/* Goes on with the handshake; P2P_TRY to go on as far as the bytes there allow (P2P_IO_AGAIN; the
 * stream can then be parked for P2P_READABLE). P2P_IO_TLS: p2p_stream_tls_dup_error () has a
 * sentence. */
P2pIo p2p_stream_tls_handshake (P2pStream *strm, int64_t deadline_us);

/* A sentence on what went wrong, or NULL; g_free (). */
char *p2p_stream_tls_dup_error (P2pStream *strm);

/* The SNI that the client sent, as lower case, or nothing (valid while the stream lives). */
P2pSpan p2p_stream_tls_server_name (P2pStream *strm);
/* The same, copied into buf. */
void p2p_stream_tls_get_server_name (P2pStream *strm, char *buf, size_t size);

/* The peer's certificate as DER (valid while the stream lives), or none. */
P2pSpan p2p_stream_tls_peer_certificate (P2pStream *strm);

/* Server side with a client CA: whether the client showed a certificate that verifies against it
 * for TLS clients. */
bool p2p_stream_tls_client_verified (P2pStream *strm);
