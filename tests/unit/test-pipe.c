/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* One direction of an exchange between streams that take and give a few bytes at a time: whatever
 * the place at which the sink is full, what comes out is the same body, framed as asked. One
 * thread. */
#include "daemon/proxy/pipe.h"
#include "lib/clock.h"
#include "tests/unit/memory-stream.h"

#include <glib.h>

#define SOURCE_CAPACITY 65536
#define HEAD "HTTP/1.1 200 OK\r\n\r\n"

typedef struct
{
  P2pStream *source, *from, *to, *sink; /* (owned) */
  GString *got;                         /* (owned) what came out */
} Ends;

static void
ends_open (Ends *ends, size_t sink_capacity)
{
  memory_stream_pair (SOURCE_CAPACITY, &ends->source, &ends->from);
  memory_stream_pair (sink_capacity, &ends->to, &ends->sink);
  ends->got = g_string_new (NULL);
}

static void
ends_close (Ends *ends)
{
  p2p_stream_close (ends->source);
  p2p_stream_close (ends->from);
  p2p_stream_close (ends->to);
  p2p_stream_close (ends->sink);
  g_string_free (ends->got, TRUE);
}

static void
give (Ends *ends, const char *text, size_t n_text)
{
  struct iovec iov = { .iov_base = (void *) text, .iov_len = n_text };
  size_t n;

  g_assert_cmpint (p2p_stream_writev (ends->source, &iov, 1, &n, P2P_TRY), ==, P2P_IO_OK);
  g_assert_cmpuint (n, ==, n_text);
}

/* At most n bytes out of the sink. */
static void
take (Ends *ends, size_t n)
{
  char bytes[256];

  if (p2p_stream_read (ends->sink, bytes, MIN (n, sizeof bytes), &n, P2P_TRY) == P2P_IO_OK)
    g_string_append_len (ends->got, bytes, (gssize) n);
}

/* Numbers, in chunks of that size. */
static void
make_body (size_t n, size_t chunk, GString *ret_content, GString *ret_chunked)
{
  for (unsigned i = 0; ret_content->len < n; i++)
    g_string_append_printf (ret_content, "%u,", i);
  for (size_t at = 0; at < ret_content->len; at += chunk)
    {
      size_t piece = MIN (chunk, ret_content->len - at);

      g_string_append_printf (ret_chunked, "%zx\r\n", piece);
      g_string_append_len (ret_chunked, ret_content->str + at, (gssize) piece);
      g_string_append (ret_chunked, "\r\n");
    }
  g_string_append (ret_chunked, "0\r\n\r\n");
}

/* The content of a chunked body that is whole. */
static void
decode_all (const GString *chunked, GString *ret_content)
{
  const char *at = chunked->str;

  for (;;)
    {
      char *end = NULL;
      size_t n = (size_t) g_ascii_strtoull (at, &end, 16);

      g_assert_cmpmem (end, 2, "\r\n", 2);
      at = end + 2;
      g_assert_cmpuint (n, <=, chunked->len - (size_t) (at - chunked->str));
      g_string_append_len (ret_content, at, (gssize) n);
      g_assert_cmpmem (at + n, 2, "\r\n", 2);
      at += n + 2;
      if (n == 0)
        break;
    }
  g_assert_true (at == chunked->str + chunked->len);
}

/* The source's chunks of that size go through a sink of that capacity, of which so many bytes are
 * taken at a time. */
static void
run (size_t chunk, PipeEncoding encoding, size_t capacity, size_t taken)
{
  g_autoptr (GString) content = g_string_new (NULL), chunked = g_string_new (NULL),
                      got = g_string_new (NULL);
  char buf[512];
  Ends ends;
  Pipe pipe;
  PipeStep step;

  make_body (1500, chunk, content, chunked);
  ends_open (&ends, capacity);
  give (&ends, chunked->str, chunked->len);
  pipe = (Pipe){ 0 };
  pipe_init (&pipe, ends.from, ends.to, buf, sizeof buf, 0);
  pipe_set_body (&pipe, P2P_BODY_CHUNKED, 0, encoding);
  pipe_queue (&pipe, P2P_SPAN (HEAD));
  while ((step = pipe_step (&pipe)) != PIPE_DONE)
    {
      g_assert_true (step == PIPE_WANT_WRITE || step == PIPE_MORE || step == PIPE_WANT_READ);
      take (&ends, taken);
    }
  for (gsize before = G_MAXSIZE; before != ends.got->len;)
    {
      before = ends.got->len;
      take (&ends, 256);
    }
  g_assert_true (g_str_has_prefix (ends.got->str, HEAD));
  g_string_erase (ends.got, 0, (gssize) strlen (HEAD));
  if (encoding == PIPE_ENCODE_CHUNKED)
    decode_all (ends.got, got);
  else
    g_string_append_len (got, ends.got->str, (gssize) ends.got->len);
  g_assert_cmpmem (got->str, got->len, content->str, content->len);
  ends_close (&ends);
}

static void
test_full_anywhere (void)
{
  static const size_t chunks[] = { 1, 9, 100, 255, 256, 1000, 4000 };

  for (size_t i = 0; i < G_N_ELEMENTS (chunks); i++)
    for (size_t capacity = 1; capacity < 40; capacity++)
      for (size_t taken = 1; taken <= capacity; taken += 3)
        {
          run (chunks[i], PIPE_ENCODE_CHUNKED, capacity, taken);
          run (chunks[i], PIPE_ENCODE_PLAIN, capacity, taken);
        }
}

/* What was read is written before more is: the buffer and the queue in front of the sink bound a
 * body's memory. */
static void
test_bounded (void)
{
  g_autoptr (GString) content = g_string_new (NULL), chunked = g_string_new (NULL);
  char buf[512];
  size_t n;
  Ends ends;
  Pipe pipe = { 0 };

  make_body (20000, 7, content, chunked);
  ends_open (&ends, 16);
  give (&ends, chunked->str, chunked->len);
  pipe_init (&pipe, ends.from, ends.to, buf, sizeof buf, 0);
  pipe_set_body (&pipe, P2P_BODY_CHUNKED, 0, PIPE_ENCODE_CHUNKED);
  for (unsigned i = 0; i < 100; i++)
    g_assert_cmpint (pipe_step (&pipe), ==, PIPE_WANT_WRITE);
  g_assert_cmpuint (pipe.n_out, <=, G_N_ELEMENTS (pipe.out));
  n = ends.got->len;
  take (&ends, 16);
  g_assert_cmpuint (ends.got->len, ==, n + 16);
  ends_close (&ends);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/pipe/full-anywhere", test_full_anywhere);
  g_test_add_func ("/pipe/bounded", test_bounded);
  return g_test_run ();
}
