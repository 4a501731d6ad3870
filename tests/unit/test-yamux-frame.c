/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Yamux frames: headers there and back, and a stream of bytes cut into frames, at once and byte by
 * byte. */
#include "lib/yamux-frame.h"

#include <glib.h>

static const struct
{
  const char *bytes;
  YamuxHeader header;
  bool good;
} headers[] = {
  { "\0\0\0\0\0\0\0\0\0\0\0\0", { 0, YAMUX_DATA, 0, 0, 0 }, true },
  { "\0\1\0\1\0\0\0\1\0\0\0\0", { 0, YAMUX_WINDOW_UPDATE, YAMUX_SYN, 1, 0 }, true },
  { "\0\1\0\2\0\0\0\2\0\4\0\0", { 0, YAMUX_WINDOW_UPDATE, YAMUX_ACK, 2, 262144 }, true },
  { "\0\0\0\4\x80\0\0\1\0\0\x3f\xf4", { 0, YAMUX_DATA, YAMUX_FIN, 0x80000001, 16372 }, true },
  { "\0\2\0\1\0\0\0\0\xff\xff\xff\xff", { 0, YAMUX_PING, YAMUX_SYN, 0, UINT32_MAX }, true },
  { "\0\3\0\0\0\0\0\0\0\0\0\1", { 0, YAMUX_GO_AWAY, 0, 0, 1 }, true },
  { "\0\1\0\x08\xff\xff\xff\xff\0\0\0\0",
    { 0, YAMUX_WINDOW_UPDATE, YAMUX_RST, UINT32_MAX, 0 },
    true },
  { "\1\0\0\0\0\0\0\0\0\0\0\0", { 1, YAMUX_DATA, 0, 0, 0 }, false },
  { "\xff\0\0\0\0\0\0\0\0\0\0\0", { 255, YAMUX_DATA, 0, 0, 0 }, false },
  { "\0\4\0\0\0\0\0\0\0\0\0\0", { 0, 4, 0, 0, 0 }, false },
  { "\0\xff\xff\xff\0\0\0\0\0\0\0\0", { 0, 255, 0xffff, 0, 0 }, false },
};

static void
assert_header (const YamuxHeader *a, const YamuxHeader *b)
{
  g_assert_cmpuint (a->version, ==, b->version);
  g_assert_cmpuint (a->type, ==, b->type);
  g_assert_cmpuint (a->flags, ==, b->flags);
  g_assert_cmpuint (a->id, ==, b->id);
  g_assert_cmpuint (a->length, ==, b->length);
}

static void
test_headers (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (headers); i++)
    {
      unsigned char bytes[YAMUX_HEADER_SIZE];
      YamuxHeader header = yamux_header_decode ((const unsigned char *) headers[i].bytes);

      assert_header (&header, &headers[i].header);
      yamux_header_encode (&headers[i].header, bytes);
      g_assert_cmpmem (bytes, sizeof bytes, headers[i].bytes, YAMUX_HEADER_SIZE);
      g_assert_cmpint (yamux_header_fault (&header) == NULL, ==, headers[i].good);
    }
}

/* Frames one after the other, and what must come out, written down: H<type>,<id>,<length> and
 * P<bytes>. */
static const char wire[] = "\0\0\0\1\0\0\0\7\0\0\0\5hello"
                           "\0\0\0\4\0\0\0\7\0\0\0\0"
                           "\0\2\0\1\0\0\0\0\0\0\0\x09"
                           "\0\1\0\0\0\0\0\7\0\0\1\0"
                           "\0\0\0\0\0\0\0\x09\0\0\0\3abc"
                           "\0\3\0\0\0\0\0\0\0\0\0\2";
static const char *wanted = "H0,7,5 Phello H0,7,0 H2,0,9 H1,7,256 H0,9,3 Pabc H3,0,2 ";

static void
feed (YamuxFrameReader *reader, GString *seen, const char *bytes, size_t n)
{
  P2pSpan rest = { bytes, n }, payload;
  YamuxHeader header;

  for (;;)
    switch (yamux_frame_next (reader, &rest, &header, &payload))
      {
      case YAMUX_PIECE_NONE:
        g_assert_cmpuint (rest.n, ==, 0);
        return;
      case YAMUX_PIECE_HEADER:
        g_string_append_printf (seen, "H%u,%u,%u ", header.type, header.id, header.length);
        if (reader->payload_left > 0)
          g_string_append_c (seen, 'P');
        break;
      case YAMUX_PIECE_PAYLOAD:
        g_assert_cmpuint (payload.n, >, 0);
        g_string_append_len (seen, payload.p, (gssize) payload.n);
        if (reader->payload_left == 0)
          g_string_append_c (seen, ' ');
        break;
      }
}

static void
test_cutting (void)
{
  for (size_t step = 1; step < sizeof wire; step++)
    {
      g_autoptr (GString) seen = g_string_new (NULL);
      YamuxFrameReader reader = { .n_head = 0 };

      for (size_t at = 0; at < sizeof wire - 1; at += step)
        {
          size_t n = MIN (step, sizeof wire - 1 - at);
          /* A copy of exactly these bytes, so that a byte too far is seen. */
          g_autofree char *piece = g_memdup2 (wire + at, n);

          feed (&reader, seen, piece, n);
        }
      g_assert_cmpstr (seen->str, ==, wanted);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/yamux-frame/headers", test_headers);
  g_test_add_func ("/yamux-frame/cutting", test_cutting);
  return g_test_run ();
}
