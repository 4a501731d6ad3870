/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A peer's Yamux frames, cut anywhere, into a session without its thread, whose streams are read,
 * written and closed meanwhile. The first byte chooses our role, the second the size of the pieces.
 * What the session sends must be frames by the rules: at most one record of data, nothing but
 * window updates and RST behind FIN, nothing behind RST. */
#include "lib/yamux-priv.h"
#include "tests/fuzz/fuzz.h"

#include <glib.h>

#define N_KEPT 8
#define N_IDS 64 /* ids below this are watched */

typedef struct
{
  P2pStream base;
  YamuxFrameReader frames;
  bool fin_sent[N_IDS], rst_sent[N_IDS];
} Output;

typedef struct
{
  P2pStream *kept[N_KEPT]; /* (owned) */
  bool fin[N_KEPT];
  unsigned n_accepted;
} Owner;

static void
check_header (Output *output, const YamuxHeader *header)
{
  bool is_data = header->type == YAMUX_DATA;

  g_assert_null (yamux_header_fault (header));
  if (is_data)
    g_assert_true (header->flags == 0 && header->length > 0 && header->length <= YAMUX_PAYLOAD_MAX);
  if (header->type > YAMUX_WINDOW_UPDATE || header->id >= N_IDS)
    return;
  if (header->flags & (YAMUX_SYN | YAMUX_ACK))
    output->fin_sent[header->id] = output->rst_sent[header->id] = false;
  if (!(header->flags & YAMUX_RST))
    g_assert_false (output->rst_sent[header->id]);
  g_assert_false (is_data && output->fin_sent[header->id]);
  g_assert_false ((header->flags & YAMUX_FIN) && output->fin_sent[header->id]);
  output->fin_sent[header->id] |= (header->flags & YAMUX_FIN) != 0;
  output->rst_sent[header->id] |= (header->flags & YAMUX_RST) != 0;
}

static P2pIo
output_try_writev (P2pStream *base, const struct iovec *iov, int n_iov, size_t *ret_n)
{
  Output *output = (Output *) base;

  *ret_n = 0;
  for (int i = 0; i < n_iov; i++)
    {
      P2pSpan rest = { iov[i].iov_base, iov[i].iov_len }, payload;
      YamuxHeader header;
      YamuxPiece piece;

      while ((piece = yamux_frame_next (&output->frames, &rest, &header, &payload)))
        if (piece == YAMUX_PIECE_HEADER)
          check_header (output, &header);
      *ret_n += iov[i].iov_len;
    }
  return P2P_IO_OK;
}

static P2pIo
output_try_flush (P2pStream *base)
{
  (void) base;
  return P2P_IO_OK;
}

static void
output_close (P2pStream *base)
{
  g_free (base);
}

static const P2pStreamOps output_ops = {
  .name = "output",
  .try_writev = output_try_writev,
  .try_flush = output_try_flush,
  .close = output_close,
};

static void
accepted_cb (P2pYamux *yamux, P2pStream *take_strm, void *data)
{
  Owner *owner = data;
  unsigned which = owner->n_accepted++ % N_KEPT;

  (void) yamux;
  if (owner->n_accepted % 7 == 0)
    p2p_stream_reset (take_strm);
  p2p_stream_close (owner->kept[which]);
  owner->kept[which] = take_strm;
  owner->fin[which] = false;
}

static void
use_streams (Owner *owner, unsigned turn)
{
  static char buf[40000];
  unsigned which = turn % N_KEPT;
  P2pStream *strm = owner->kept[which];
  size_t n;

  if (!strm)
    return;
  switch (turn / N_KEPT % 5)
    {
    case 0:
    case 1:
      (void) p2p_stream_read (strm, buf, 1 + turn * 37 % sizeof buf, &n, P2P_TRY);
      break;
    case 2:
      if (!owner->fin[which])
        (void) p2p_stream_writev (strm, &(struct iovec){ buf, 1 + turn * 131 % sizeof buf }, 1, &n,
                                  P2P_TRY);
      break;
    case 3:
      (void) p2p_stream_shutdown (strm, P2P_TRY);
      owner->fin[which] = true;
      break;
    default:
      p2p_stream_close (g_steal_pointer (&owner->kept[which]));
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  Owner owner = { .n_accepted = 0 };
  Output *output;
  P2pYamux *yamux;
  const char *why = NULL;
  size_t step;

  if (size < 2)
    return 0;
  output = g_new0 (Output, 1);
  output->base.ops = &output_ops;
  yamux = yamux_new_still (
      &output->base, &(P2pYamuxOptions){ .role = data[0] & 1 ? P2P_YAMUX_CLIENT : P2P_YAMUX_SERVER,
                                         .accept_backlog = data[0] & 2 ? 256 : 4,
                                         .max_streams = 32,
                                         .peer_half_close = data[0] & 4,
                                         .accepted = accepted_cb,
                                         .data = &owner });
  if (data[0] & 8)
    g_assert_cmpint (p2p_yamux_open (yamux, P2P_TRY, &owner.kept[0]), ==, P2P_IO_OK);
  step = 1 + data[1];
  for (size_t at = 2; at < size && !why; at += step)
    {
      size_t n = MIN (step, size - at);
      char *piece = g_memdup2 (data + at, n); /* of its exact size */

      why = yamux_receive (yamux, (P2pSpan){ piece, n });
      g_free (piece);
      use_streams (&owner, (unsigned) at);
      yamux_drain (yamux);
    }
  yamux_finish (yamux, why ? why : "end of input", false);
  for (unsigned i = 0; i < N_KEPT; i++)
    p2p_stream_close (owner.kept[i]);
  g_assert_cmpuint (p2p_yamux_get_stats (yamux).streams, ==, 0);
  g_assert_cmpuint (p2p_yamux_get_stats (yamux).queued_bytes, ==, 0);
  g_assert_cmpuint (p2p_yamux_get_stats (yamux).window_bytes, ==, 0);
  p2p_yamux_unref (yamux);
  return 0;
}
