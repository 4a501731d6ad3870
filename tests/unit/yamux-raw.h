/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* For the tests of Yamux: one of our sessions against a peer that is a descriptor, to which the
 * test writes frames as it likes. */
#pragma once

#include "lib/yamux-frame.h"
#include "tests/unit/yamux-pair.h"

/* Our end of the session, and the peer's descriptor. */
typedef struct
{
  End end;
  int fd;
} Peer;

void peer_start (Peer *peer, P2pYamuxRole role, P2pYamuxOptions options);
/* send_buffer: SO_SNDBUF of our end in bytes (the kernel makes more of it, but not much). */
void peer_start_narrow (Peer *peer, P2pYamuxRole role, P2pYamuxOptions options, int send_buffer);
void peer_stop (Peer *peer);
/* The session must end by our GOAWAY 1 and with this reason; nothing may come behind it. */
void peer_expect_fault (Peer *peer, const char *why);

/* What the peer reads. */
typedef struct
{
  uint8_t version, type;
  uint16_t flags;
  uint32_t id, length;
  unsigned char payload[65536]; /* of data frames, cut */
} RawFrame;

void
raw_send (int fd, uint8_t type, uint16_t flags, uint32_t id, uint32_t length, const void *payload);
/* False at the end of the stream. Pings are passed over unless with_pings. */
bool raw_next (int fd, RawFrame *ret_frame, bool with_pings);
/* Reads frames until one of this type and id with all of these flags; fails at the end of the
 * stream. */
RawFrame raw_expect (int fd, uint8_t type, uint16_t flags, uint32_t id);
