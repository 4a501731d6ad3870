/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Yamux frames on the wire: a header of twelve bytes, big-endian, and for data frames a payload.
 * No state but the reader's own struct, which belongs to one thread; nothing blocks or allocates.
 */
#pragma once

#include "lib/span.h"

#define YAMUX_HEADER_SIZE 12

enum
{
  YAMUX_DATA,
  YAMUX_WINDOW_UPDATE,
  YAMUX_PING,
  YAMUX_GO_AWAY,
};

enum
{
  YAMUX_SYN = 1 << 0,
  YAMUX_ACK = 1 << 1,
  YAMUX_FIN = 1 << 2,
  YAMUX_RST = 1 << 3,
};

enum
{
  YAMUX_GO_AWAY_NORMAL,
  YAMUX_GO_AWAY_PROTO,
  YAMUX_GO_AWAY_INTERNAL,
};

typedef struct
{
  uint8_t version;
  uint8_t type;
  uint16_t flags;
  uint32_t id;
  uint32_t length; /* payload of a data frame; else window, ping value or code */
} YamuxHeader;

/* Writes YAMUX_HEADER_SIZE bytes. */
void yamux_header_encode (const YamuxHeader *header, unsigned char *ret_bytes);
/* Reads YAMUX_HEADER_SIZE bytes; every value is possible. */
YamuxHeader yamux_header_decode (const unsigned char *bytes);

/* NULL, or what is wrong with the header in itself (static). */
const char *yamux_header_fault (const YamuxHeader *header);

/* Cuts a stream of bytes, which comes in pieces of any size, into headers and pieces of payload. */
typedef struct
{
  unsigned char head[YAMUX_HEADER_SIZE];
  unsigned n_head;       /* bytes of head that are there */
  uint32_t payload_left; /* of the present data frame */
} YamuxFrameReader;

typedef enum
{
  YAMUX_PIECE_NONE,    /* *rest is used up */
  YAMUX_PIECE_HEADER,  /* *ret_header is set */
  YAMUX_PIECE_PAYLOAD, /* *ret_payload is set; reader->payload_left says what is still to come */
} YamuxPiece;

/* Takes the next piece off the front of *rest. */
YamuxPiece yamux_frame_next (YamuxFrameReader *reader,
                             P2pSpan *rest,
                             YamuxHeader *ret_header,
                             P2pSpan *ret_payload);
