/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* TLS 1.3 KeyUpdate (RFC 8446 section 4.6.3) below a busy Yamux session, by either end and by both,
 * asked for in return and not, and GnuTLS's own after 2^24 records: no byte differs, nothing waits
 * for ever, the session goes on.
 *
 * Each end's transport is a TLS stream that says KeyUpdate between its writes. What comes is
 * counted by GnuTLS's hook, which runs under that stream's lock. */
#include "lib/stream-priv.h"
#include "lib/stream-tls-priv.h"
#include "tests/unit/tls-fixture.h"
#include "tests/unit/wait-for.h"
#include "tests/unit/yamux-pair.h"

#include <stdatomic.h>
#include <sys/socket.h>

#define N_LOADS 4
#define STREAM_BYTES 300000
/* GnuTLS takes eight in a second: as many as two ends can cause in each other by three. */
#define N_UPDATES 3
#define WRITES_BETWEEN 60

/* What an end does. */
typedef enum
{
  TELLS = 1 << 0,      /* new keys of its own */
  ASKS = 1 << 1,       /* and for the peer's */
  NEAR_LIMIT = 1 << 2, /* GnuTLS does it by itself */
} Manner;

typedef struct
{
  P2pStream base;
  P2pStream *tls; /* (owned) */
  Manner manner;
  unsigned n_writes;            /* writer */
  atomic_uint n_said;           /* without GnuTLS's own */
  atomic_uint n_heard, n_asked; /* KeyUpdates of the peer; those of them that asked */
} Rekeying;

/* For the hook, which is told the session alone; written while no session lives. */
static struct
{
  gnutls_session_t session; /* (borrowed) */
  Rekeying *rekeying;       /* (borrowed) */
} known[2];

static atomic_bool is_over; /* the sessions are about to end */

static int
key_update_cb (gnutls_session_t session,
               unsigned type,
               unsigned when,
               unsigned incoming,
               const gnutls_datum_t *msg)
{
  (void) type;
  (void) when;
  for (size_t i = 0; incoming && i < G_N_ELEMENTS (known); i++)
    if (known[i].session == session)
      {
        /* struct { KeyUpdateRequest request_update; } */
        if (msg->size > 0 && msg->data[msg->size - 1] == 1)
          atomic_fetch_add (&known[i].rekeying->n_asked, 1);
        atomic_fetch_add (&known[i].rekeying->n_heard, 1);
      }
  return 0;
}

static P2pIo
rekeying_try_writev (P2pStream *strm, const struct iovec *iov, int n_iov, size_t *ret_n)
{
  Rekeying *rekeying = (Rekeying *) strm;

  if (rekeying->manner & (TELLS | ASKS) && ++rekeying->n_writes % WRITES_BETWEEN == 0
      && atomic_load (&rekeying->n_said) < N_UPDATES)
    {
      P2pIo io = p2p_stream_tls_key_update (rekeying->tls, rekeying->manner & ASKS);

      /* Both ends have heard enough, and the last words of one may follow the other's end. */
      if (atomic_load (&is_over) && io != P2P_IO_OK && io != P2P_IO_AGAIN)
        return io;
      g_assert_true (io == P2P_IO_OK || io == P2P_IO_AGAIN);
      atomic_fetch_add (&rekeying->n_said, 1);
    }
  return rekeying->tls->ops->try_writev (rekeying->tls, iov, n_iov, ret_n);
}

static P2pIo
rekeying_try_read (P2pStream *strm, void *buf, size_t size, size_t *ret_n)
{
  P2pStream *tls = ((Rekeying *) strm)->tls;

  return tls->ops->try_read (tls, buf, size, ret_n);
}

static P2pIo
rekeying_try_flush (P2pStream *strm)
{
  P2pStream *tls = ((Rekeying *) strm)->tls;

  return tls->ops->try_flush (tls);
}

static P2pIo
rekeying_try_shutdown (P2pStream *strm)
{
  P2pStream *tls = ((Rekeying *) strm)->tls;

  return tls->ops->try_shutdown (tls);
}

static void
rekeying_reset (P2pStream *strm)
{
  p2p_stream_reset (((Rekeying *) strm)->tls);
}

static void
rekeying_close (P2pStream *strm)
{
  p2p_stream_close (((Rekeying *) strm)->tls);
  g_free (strm);
}

static size_t
rekeying_pending (P2pStream *strm)
{
  return p2p_stream_pending (((Rekeying *) strm)->tls);
}

static int
rekeying_fd (P2pStream *strm)
{
  return p2p_stream_fd (((Rekeying *) strm)->tls);
}

static unsigned
rekeying_arm (P2pStream *strm, unsigned want, P2pBell *bell, P2pArm *ret_arm)
{
  P2pStream *tls = ((Rekeying *) strm)->tls;

  return tls->ops->arm (tls, want, bell, ret_arm);
}

static void
rekeying_disarm (P2pStream *strm)
{
  P2pStream *tls = ((Rekeying *) strm)->tls;

  tls->ops->disarm (tls);
}

static unsigned
rekeying_polled (P2pStream *strm, unsigned want, short revents)
{
  P2pStream *tls = ((Rekeying *) strm)->tls;

  return tls->ops->polled (tls, want, revents);
}

static const P2pStreamOps rekeying_ops = {
  .name = "rekeying",
  .try_read = rekeying_try_read,
  .try_writev = rekeying_try_writev,
  .try_flush = rekeying_try_flush,
  .try_shutdown = rekeying_try_shutdown,
  .reset = rekeying_reset,
  .close = rekeying_close,
  .pending = rekeying_pending,
  .fd = rekeying_fd,
  .arm = rekeying_arm,
  .disarm = rekeying_disarm,
  .polled = rekeying_polled,
};

static Rekeying *
rekeying_new (unsigned i, P2pStream *take_tls, Manner manner)
{
  Rekeying *rekeying = g_new0 (Rekeying, 1);

  rekeying->base.ops = &rekeying_ops;
  rekeying->tls = take_tls;
  rekeying->manner = manner;
  known[i].session = p2p_stream_tls_session (take_tls);
  known[i].rekeying = rekeying;
  gnutls_handshake_set_hook_function (known[i].session, GNUTLS_HANDSHAKE_KEY_UPDATE,
                                      GNUTLS_HOOK_PRE, key_update_cb);
  return rekeying;
}

/* Load ------------------------------------------------------------------------------------------
 */

typedef struct
{
  End *opener;
  void (*carry) (P2pStream *strm, uint64_t seed);
  atomic_bool *over;
  uint64_t seed;
  unsigned n_streams;
} Load;

static void
carry_both_ways (P2pStream *strm, uint64_t seed)
{
  transfer_pattern (strm, strm, seed, STREAM_BYTES);
}

static void
carry_one_way (P2pStream *strm, uint64_t seed)
{
  g_autofree unsigned char *bytes = g_malloc (STREAM_BYTES);

  fill_pattern (bytes, STREAM_BYTES, seed, 0);
  must_write (strm, bytes, STREAM_BYTES);
}

/* One stream after the other. */
static void *
load_main (void *data)
{
  Load *load = data;

  while (!atomic_load (load->over))
    {
      P2pStream *strm = must_open (load->opener);

      load->carry (strm, load->seed + load->n_streams++);
      p2p_stream_close (strm);
    }
  return NULL;
}

/* Tests -----------------------------------------------------------------------------------------
 */

typedef struct
{
  const char *name;
  Manner server, client; /* of Yamux and of TLS, as daemon and agent are */
  bool one_way;          /* the client has nothing to say but window updates */
  int send_buffer;       /* of both sockets; 0: as the kernel has it */
} Case;

static void
narrow (P2pStream *strm, int send_buffer)
{
  if (send_buffer > 0)
    g_assert_cmpint (
        setsockopt (p2p_stream_fd (strm), SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer),
        ==, 0);
}

/* Whether one end has had all that it can expect. GnuTLS answers with its next record, so one
 * answer may stand for several questions. */
static bool
has_heard_all (Rekeying *rekeying, Manner peer)
{
  unsigned n_asked = atomic_load (&rekeying->n_asked);
  unsigned n_quiet = atomic_load (&rekeying->n_heard) - n_asked;
  unsigned least = (peer & TELLS ? N_UPDATES : 0) + (peer & NEAR_LIMIT ? 1 : 0);

  if (rekeying->manner & ASKS)
    least++;
  return n_asked == (peer & ASKS ? N_UPDATES : 0) && n_quiet >= least;
}

static void
run_loads (Pair *pair, const Case *one, Rekeying *server, Rekeying *client)
{
  Load loads[N_LOADS];
  pthread_t threads[N_LOADS];
  atomic_bool over = false;
  unsigned n_streams = 0;

  for (unsigned i = 0; i < N_LOADS; i++)
    {
      loads[i] = (Load){ .opener = &pair->server,
                         .carry = one->one_way ? carry_one_way : carry_both_ways,
                         .over = &over,
                         .seed = 1000 * i };
      P2P_PTHREAD (pthread_create (&threads[i], NULL, load_main, &loads[i]));
    }
  WAIT_FOR (has_heard_all (server, one->client) && has_heard_all (client, one->server));
  atomic_store (&over, true);
  for (unsigned i = 0; i < N_LOADS; i++)
    {
      P2P_PTHREAD (pthread_join (threads[i], NULL));
      n_streams += loads[i].n_streams;
    }
  g_test_message ("%u streams; the server heard %u, %u asked; the client heard %u, %u asked",
                  n_streams, server->n_heard, server->n_asked, client->n_heard, client->n_asked);
}

static void
test_case (const void *data)
{
  const Case *one = data;
  Rekeying *server, *client;
  P2pStream *a, *b;
  Pair pair;

  atomic_store (&is_over, false);
  pair_over_tls = false;
  transport_pair (&a, &b);
  narrow (a, one->send_buffer);
  narrow (b, one->send_buffer);
  tls_fixture_wrap (false, &b, &a);
  if (one->server & NEAR_LIMIT)
    tls_fixture_set_near_limit (a, b);
  if (one->client & NEAR_LIMIT)
    tls_fixture_set_near_limit (b, a);
  server = rekeying_new (0, a, one->server);
  client = rekeying_new (1, b, one->client);
  pair_start_on (&pair, &server->base, &client->base, one->one_way ? serve_sink : serve_echo,
                 (P2pYamuxOptions){ .ping_interval_ms = 20 });
  run_loads (&pair, one, server, client);
  g_assert_true (p2p_yamux_is_open (pair.server.yamux));
  g_assert_true (p2p_yamux_is_open (pair.client.yamux));
  atomic_store (&is_over, true);
  pair_stop (&pair);
  g_assert_cmpstr (pair.server.why, ==, "test over");
}

int
main (int argc, char **argv)
{
  /* Never do both ask: GnuTLS takes a question that crosses its own for a fault of the peer's. Our
   * ends ask for nothing. */
  static const Case cases[] = {
    { "told-by-server", TELLS, 0, false, 0 },
    { "told-by-client", 0, TELLS, false, 0 },
    { "told-by-both", TELLS, TELLS, false, 0 },
    { "asked-by-server", ASKS, 0, false, 0 },
    { "asked-by-client", 0, ASKS, false, 0 },
    { "asked-by-server-and-told", ASKS, TELLS, false, 0 },
    { "asked-by-client-and-told", TELLS, ASKS, false, 0 },
    { "automatic", NEAR_LIMIT, NEAR_LIMIT, false, 0 },
    { "one-way-asked", ASKS, TELLS, true, 0 },
    { "one-way-asks", TELLS, ASKS, true, 0 },
    { "narrow-server-asks", ASKS, TELLS, false, 4096 },
    { "narrow-client-asks", TELLS, ASKS, false, 4096 },
    { "narrow-automatic", NEAR_LIMIT, NEAR_LIMIT, false, 4096 },
  };

  p2p_lock_setup ();
  g_test_init (&argc, &argv, NULL);
  p2p_tls_setup ();
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strdup_printf ("/yamux-keyupdate/%s", cases[i].name);

      g_test_add_data_func (path, &cases[i], test_case);
    }
  return g_test_run ();
}
