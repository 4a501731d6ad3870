/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A ClientHello whose server_name extension (RFC 6066 section 3) is the input: the first byte
 * chooses whether it is the name, the list of names, or all that the client says. Whom the server
 * asks for must be a name that a certificate can have, in one form. */
#include "lib/lock.h"
#include "lib/stream-priv.h"
#include "lib/stream-tls.h"
#include "tests/fuzz/fuzz.h"

#include <glib.h>
#include <string.h>

#define HELLO_MAX 9000

typedef struct
{
  P2pStream base;
  const uint8_t *data;
  size_t n;
} Input;

/* ---- What the client says ---- */

typedef struct
{
  uint8_t bytes[HELLO_MAX];
  size_t n;
} Hello;

static void
put (Hello *hello, const void *data, size_t n)
{
  g_assert (hello->n + n <= sizeof hello->bytes);
  memcpy (hello->bytes + hello->n, data, n);
  hello->n += n;
}

static size_t
put_length (Hello *hello, unsigned n_bytes)
{
  static const uint8_t zero[4];

  put (hello, zero, n_bytes);
  return hello->n;
}

/* What follows at is so long. */
static void
set_length (Hello *hello, size_t at, unsigned n_bytes)
{
  size_t n = hello->n - at;

  for (unsigned i = 0; i < n_bytes; i++)
    hello->bytes[at - 1 - i] = (uint8_t) (n >> (8 * i));
}

static void
put_server_name (Hello *hello, bool whole, const uint8_t *data, size_t n)
{
  size_t extension, list, name;

  put (hello, "\x00\x00", 2);
  extension = put_length (hello, 2);
  if (whole)
    {
      put (hello, data, n);
    }
  else
    {
      list = put_length (hello, 2);
      put (hello, "\x00", 1);
      name = put_length (hello, 2);
      put (hello, data, n);
      set_length (hello, name, 2);
      set_length (hello, list, 2);
    }
  set_length (hello, extension, 2);
}

static void
make_hello (Hello *hello, bool whole, const uint8_t *data, size_t n)
{
  static const uint8_t random[32] = "as random as it has to be here";
  static const uint8_t offers[] = "\x00"             /* no session */
                                  "\x00\x02\xc0\x2b" /* ECDHE-ECDSA-AES128-GCM-SHA256 */
                                  "\x01\x00";
  static const uint8_t more[] = "\x00\x0a\x00\x04\x00\x02\x00\x17"  /* secp256r1 */
                                "\x00\x0d\x00\x04\x00\x02\x04\x03"; /* ECDSA with SHA-256 */
  size_t record, message, extensions;

  put (hello, "\x16\x03\x01", 3);
  record = put_length (hello, 2);
  put (hello, "\x01", 1);
  message = put_length (hello, 3);
  put (hello, "\x03\x03", 2);
  put (hello, random, sizeof random);
  put (hello, offers, sizeof offers - 1);
  extensions = put_length (hello, 2);
  put_server_name (hello, whole, data, n);
  put (hello, more, sizeof more - 1);
  set_length (hello, extensions, 2);
  set_length (hello, message, 3);
  set_length (hello, record, 2);
}

/* ---- The stream below ---- */

static P2pIo
input_try_read (P2pStream *base, void *buf, size_t size, size_t *ret_n)
{
  Input *input = (Input *) base;

  *ret_n = MIN (size, input->n);
  memcpy (buf, input->data, *ret_n);
  input->data += *ret_n;
  input->n -= *ret_n;
  return *ret_n > 0 ? P2P_IO_OK : P2P_IO_EOF;
}

static P2pIo
input_try_writev (P2pStream *base, const struct iovec *iov, int n_iov, size_t *ret_n)
{
  (void) base;
  *ret_n = 0;
  for (int i = 0; i < n_iov; i++)
    *ret_n += iov[i].iov_len;
  return P2P_IO_OK;
}

static P2pIo
input_try_flush (P2pStream *base)
{
  (void) base;
  return P2P_IO_OK;
}

static void
input_close (P2pStream *base)
{
  g_free (base);
}

static const P2pStreamOps input_ops = {
  .name = "input",
  .try_read = input_try_read,
  .try_writev = input_try_writev,
  .try_flush = input_try_flush,
  .try_shutdown = input_try_flush,
  .reset = input_close,
  .close = input_close,
};

/* ---- The server ---- */

static P2pTlsCert *
choose_cb (const char *server_name, void *data)
{
  size_t n = strlen (server_name);

  (void) data;
  g_assert_cmpuint (n, <, 256);
  g_assert_cmpuint (strspn (server_name, "abcdefghijklmnopqrstuvwxyz0123456789-_."), ==, n);
  g_assert_true (n == 0 || (*server_name != '.' && server_name[n - 1] != '.'));
  g_assert_null (strstr (server_name, ".."));
  return NULL; /* as far as it goes */
}

static P2pTlsServer *
get_server (void)
{
  static P2pTlsServer *server; /* made once; one thread */
  g_autoptr (GError) error = NULL;

  if (server)
    return server;
  p2p_lock_setup ();
  p2p_tls_setup ();
  server = p2p_tls_server_new (&(P2pTlsServerOptions){ .choose = choose_cb }, &error);
  g_assert_no_error (error);
  return server;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  Hello hello = { .n = 0 };
  Input *input;
  P2pStream *strm;

  if (size < 1 || size > 8192)
    return 0;
  input = g_new0 (Input, 1);
  input->base.ops = &input_ops;
  if (data[0] % 3 < 2)
    {
      make_hello (&hello, data[0] % 3 == 1, data + 1, size - 1);
      input->data = hello.bytes;
      input->n = hello.n;
    }
  else
    {
      input->data = data + 1;
      input->n = size - 1;
    }
  strm = p2p_stream_tls_server_new (&input->base, get_server ());
  g_assert_cmpint (p2p_stream_tls_handshake (strm, P2P_TRY), !=, P2P_IO_OK);
  p2p_stream_close (strm);
  return 0;
}
