/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Yamux headers: encode, decode, and cutting the stream of bytes into frames. Pure functions; any
 * thread. */
#include "lib/yamux-frame.h"

#include <glib.h>

static void
put_u32 (unsigned char *bytes, uint32_t value)
{
  bytes[0] = (unsigned char) (value >> 24);
  bytes[1] = (unsigned char) (value >> 16);
  bytes[2] = (unsigned char) (value >> 8);
  bytes[3] = (unsigned char) value;
}

static uint32_t
get_u32 (const unsigned char *bytes)
{
  return (uint32_t) bytes[0] << 24 | (uint32_t) bytes[1] << 16 | (uint32_t) bytes[2] << 8
         | bytes[3];
}

void
yamux_header_encode (const YamuxHeader *header, unsigned char *ret_bytes)
{
  ret_bytes[0] = header->version;
  ret_bytes[1] = header->type;
  ret_bytes[2] = (unsigned char) (header->flags >> 8);
  ret_bytes[3] = (unsigned char) header->flags;
  put_u32 (ret_bytes + 4, header->id);
  put_u32 (ret_bytes + 8, header->length);
}

YamuxHeader
yamux_header_decode (const unsigned char *bytes)
{
  return (YamuxHeader){
    .version = bytes[0],
    .type = bytes[1],
    .flags = (uint16_t) (bytes[2] << 8 | bytes[3]),
    .id = get_u32 (bytes + 4),
    .length = get_u32 (bytes + 8),
  };
}

const char *
yamux_header_fault (const YamuxHeader *header)
{
  if (header->version != 0)
    return "the peer sent a frame of another version";
  if (header->type > YAMUX_GO_AWAY)
    return "the peer sent a frame of an unknown type";
  return NULL;
}

static P2pSpan
cut (P2pSpan *rest, size_t n)
{
  P2pSpan front = { rest->p, n };

  rest->p += n;
  rest->n -= n;
  return front;
}

YamuxPiece
yamux_frame_next (YamuxFrameReader *reader,
                  P2pSpan *rest,
                  YamuxHeader *ret_header,
                  P2pSpan *ret_payload)
{
  P2pSpan part;

  if (rest->n == 0)
    return YAMUX_PIECE_NONE;

  if (reader->payload_left > 0)
    {
      *ret_payload = cut (rest, MIN (rest->n, (size_t) reader->payload_left));
      reader->payload_left -= (uint32_t) ret_payload->n;
      return YAMUX_PIECE_PAYLOAD;
    }

  part = cut (rest, MIN (rest->n, (size_t) YAMUX_HEADER_SIZE - reader->n_head));
  memcpy (reader->head + reader->n_head, part.p, part.n);
  reader->n_head += (unsigned) part.n;
  if (reader->n_head < YAMUX_HEADER_SIZE)
    return YAMUX_PIECE_NONE;

  reader->n_head = 0;
  *ret_header = yamux_header_decode (reader->head);
  if (ret_header->type == YAMUX_DATA)
    reader->payload_left = ret_header->length;
  return YAMUX_PIECE_HEADER;
}
