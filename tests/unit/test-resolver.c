/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Names to addresses, with a look-up function that the test commands, and connecting to them. */
#include "lib/fd.h"
#include "lib/lock.h"
#include "lib/resolver-priv.h"
#include "lib/stream-tcp-priv.h"
#include "tests/unit/put-address.h"

#include <errno.h>
#include <glib.h>
#include <netdb.h>
#include <sys/eventfd.h>
#include <sys/un.h>
#include <unistd.h>

#define SOON p2p_deadline_ms (20000)

/* What the fake DNS says. */
typedef struct
{
  P2pMutex lock;
  pthread_cond_t changed;
  const char *addresses[4]; /* (lock: lock) */
  int rc;                   /* (lock: lock) */
  bool silent;              /* blocks while set (lock: lock) */
  unsigned hang;            /* the first so many block until dns_release () (lock: lock) */
  unsigned n_hanging;       /* (lock: lock) */
  int hang_rc;              /* what they answer then (lock: lock) */
  unsigned n_asked;         /* (lock: lock) */
} Dns;

static int
fake_lookup (const char *name,
             P2pAddress ret_addresses[P2P_ADDRESSES_MAX],
             unsigned *ret_n,
             void *data)
{
  Dns *dns = data;
  unsigned n = 0;
  P2P_LOCKED (&dns->lock);

  (void) name;
  dns->n_asked++;
  p2p_cond_broadcast (&dns->changed);
  if (dns->n_asked <= dns->hang)
    {
      dns->n_hanging++;
      while (dns->hang > 0)
        (void) p2p_cond_wait (&dns->changed, &dns->lock, P2P_FOREVER);
      dns->n_hanging--;
      p2p_cond_broadcast (&dns->changed);
      return dns->hang_rc;
    }
  while (dns->silent)
    (void) p2p_cond_wait (&dns->changed, &dns->lock, P2P_FOREVER);
  for (; n < G_N_ELEMENTS (dns->addresses) && dns->addresses[n]; n++)
    ret_addresses[n].len = put_address (dns->addresses[n], &ret_addresses[n].address);
  *ret_n = n;
  return dns->rc;
}

static void
dns_set (Dns *dns, int rc, bool silent)
{
  P2P_LOCKED (&dns->lock);

  dns->rc = rc;
  dns->silent = silent;
  p2p_cond_broadcast (&dns->changed);
}

static void
dns_set_address (Dns *dns, const char *address)
{
  P2P_LOCKED (&dns->lock);

  dns->addresses[0] = address;
}

/* Those that hang answer. */
static void
dns_release (Dns *dns, int rc)
{
  P2P_LOCKED (&dns->lock);

  dns->hang = 0;
  dns->hang_rc = rc;
  p2p_cond_broadcast (&dns->changed);
  while (dns->n_hanging > 0)
    g_assert_true (p2p_cond_wait (&dns->changed, &dns->lock, SOON));
}

static unsigned
dns_asked (Dns *dns)
{
  P2P_LOCKED (&dns->lock);

  return dns->n_asked;
}

static void
dns_await (Dns *dns, unsigned n_asked)
{
  P2P_LOCKED (&dns->lock);

  while (dns->n_asked < n_asked)
    g_assert_true (p2p_cond_wait (&dns->changed, &dns->lock, SOON));
}

static P2pResolver *
resolver_new (Dns *dns, int64_t good_ms, int64_t failed_ms, unsigned cache_max)
{
  g_autoptr (GError) error = NULL;
  P2pResolver *resolver;

  p2p_mutex_init (&dns->lock, P2P_LOCK_LEAF);
  p2p_cond_init (&dns->changed);
  resolver = p2p_resolver_new_full (&(P2pResolverOptions){ .n_threads = 3,
                                                           .cache_max = cache_max,
                                                           .good_ms = good_ms,
                                                           .failed_ms = failed_ms,
                                                           .stale_after_ms = 5,
                                                           .func = fake_lookup,
                                                           .data = dns },
                                    &error);
  g_assert_no_error (error);
  return resolver;
}

static void
resolver_done (P2pResolver *resolver, Dns *dns)
{
  dns_set (dns, 0, false);
  p2p_resolver_free (resolver);
  p2p_cond_done (&dns->changed);
  p2p_mutex_done (&dns->lock);
}

static P2pIo
lookup (P2pResolver *resolver,
        const char *host,
        P2pAddress *addresses,
        unsigned *n,
        int64_t deadline)
{
  return p2p_resolver_lookup (resolver, p2p_span_from_string (host), 80, addresses, n, deadline);
}

static void
assert_address (const P2pAddress *address, const char *text, uint16_t port)
{
  char host[100], service[10];

  g_assert_cmpint (getnameinfo ((const struct sockaddr *) &address->address, address->len, host,
                                sizeof host, service, sizeof service,
                                NI_NUMERICHOST | NI_NUMERICSERV),
                   ==, 0);
  g_assert_cmpstr (host, ==, text);
  g_assert_cmpint (atoi (service), ==, port);
}

static void
test_numeric (void)
{
  static const struct
  {
    const char *host;
    P2pIo io;
    const char *address;
  } rows[] = {
    { "127.0.0.1", P2P_IO_OK, "127.0.0.1" },
    { "::1", P2P_IO_OK, "::1" },
    { "2001:DB8::7", P2P_IO_OK, "2001:db8::7" },
    { "::ffff:10.0.0.1", P2P_IO_OK, "::ffff:10.0.0.1" },
    { "", P2P_IO_REFUSED, NULL },
    { "[::1]", P2P_IO_REFUSED, NULL },
    { "1::2::3", P2P_IO_REFUSED, NULL },
    { "a b", P2P_IO_REFUSED, NULL },
    { "a/b", P2P_IO_REFUSED, NULL },
    { "x%y", P2P_IO_REFUSED, NULL },
  };
  Dns dns = { .rc = EAI_FAIL };
  P2pResolver *resolver = resolver_new (&dns, 1000, 1000, 4);
  char long_name[300];

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      P2pAddress addresses[P2P_ADDRESSES_MAX];
      unsigned n = 0;

      g_assert_cmpint (lookup (resolver, rows[i].host, addresses, &n, P2P_TRY), ==, rows[i].io);
      if (rows[i].address)
        {
          g_assert_cmpuint (n, ==, 1);
          assert_address (&addresses[0], rows[i].address, 80);
        }
    }
  memset (long_name, 'a', sizeof long_name);
  g_assert_cmpint (p2p_resolver_lookup (resolver, (P2pSpan){ long_name, 254 }, 1, NULL, NULL, SOON),
                   ==, P2P_IO_REFUSED);
  g_assert_cmpint (p2p_resolver_lookup (resolver, (P2pSpan){ "a\0b", 3 }, 1, NULL, NULL, SOON), ==,
                   P2P_IO_REFUSED);
  g_assert_cmpuint (dns_asked (&dns), ==, 0);
  resolver_done (resolver, &dns);
}

static void
test_order_and_cache (void)
{
  Dns dns = { .addresses = { "2001:db8::1", "2001:db8::2", "10.0.0.1", "10.0.0.2" } };
  P2pResolver *resolver = resolver_new (&dns, 60000, 60000, 4);
  P2pAddress addresses[P2P_ADDRESSES_MAX];
  unsigned n = 0;

  for (unsigned i = 0; i < 3; i++)
    {
      g_assert_cmpint (lookup (resolver, i ? "name.test" : "NAME.test", addresses, &n, SOON), ==,
                       P2P_IO_OK);
      g_assert_cmpuint (n, ==, 4);
      assert_address (&addresses[0], "2001:db8::1", 80);
      assert_address (&addresses[1], "10.0.0.1", 80);
      assert_address (&addresses[2], "2001:db8::2", 80);
      assert_address (&addresses[3], "10.0.0.2", 80);
    }
  g_assert_cmpuint (dns_asked (&dns), ==, 1);
  resolver_done (resolver, &dns);
}

static void
test_failures (void)
{
  Dns dns = { .rc = EAI_NONAME };
  P2pResolver *resolver = resolver_new (&dns, 60000, 60000, 4);
  P2pAddress addresses[P2P_ADDRESSES_MAX];
  unsigned n = 0;

  g_assert_cmpint (lookup (resolver, "none.test", addresses, &n, SOON), ==, P2P_IO_REFUSED);
  g_assert_cmpint (lookup (resolver, "none.test", addresses, &n, SOON), ==, P2P_IO_REFUSED);
  g_assert_cmpuint (dns_asked (&dns), ==, 1); /* believed for a while */
  dns_set (&dns, EAI_AGAIN, false);
  g_assert_cmpint (lookup (resolver, "trouble.test", addresses, &n, SOON), ==, P2P_IO_TIMEOUT);
  resolver_done (resolver, &dns);
}

/* The name has an answer each time, until DNS was asked for it once more: on a busy machine the one
 * of before is given before the question is put. Answers how often it was asked in all. */
static unsigned
lookup_until_asked (P2pResolver *resolver, const char *name, Dns *dns)
{
  P2pAddress addresses[P2P_ADDRESSES_MAX];
  unsigned before = dns_asked (dns), n;

  do
    {
      n = 0;
      g_assert_cmpint (lookup (resolver, name, addresses, &n, SOON), ==, P2P_IO_OK);
      g_assert_cmpuint (n, ==, 1);
    }
  while (dns_asked (dns) == before);
  return dns_asked (dns);
}

static void
test_stale (void)
{
  Dns dns = { .addresses = { "10.0.0.1" } };
  P2pResolver *resolver = resolver_new (&dns, 0, 0, 4);
  P2pAddress addresses[P2P_ADDRESSES_MAX];
  unsigned n = 0, n_asked;

  g_assert_cmpint (lookup (resolver, "a.test", addresses, &n, SOON), ==, P2P_IO_OK);
  /* In trouble, then silent: the old answer serves. */
  dns_set (&dns, EAI_AGAIN, false);
  (void) lookup_until_asked (resolver, "a.test", &dns);
  dns_set (&dns, 0, true);
  n_asked = lookup_until_asked (resolver, "a.test", &dns);
  /* Without an old answer the deadline counts. */
  g_assert_cmpint (lookup (resolver, "b.test", addresses, &n, p2p_deadline_ms (5)), ==,
                   P2P_IO_TIMEOUT);
  /* "No such name" is an answer: the old one is gone. */
  dns_await (&dns, n_asked + 1);
  dns_set (&dns, EAI_NONAME, false);
  for (P2pIo io = P2P_IO_OK; io != P2P_IO_REFUSED;)
    io = lookup (resolver, "a.test", addresses, &n, SOON);
  resolver_done (resolver, &dns);
}

static void
test_limit (void)
{
  Dns dns = { .addresses = { "10.0.0.1" } };
  P2pResolver *resolver = resolver_new (&dns, 60000, 60000, 2);
  P2pAddress addresses[P2P_ADDRESSES_MAX];
  unsigned n = 0;

  /* The oldest name goes. */
  g_assert_cmpint (lookup (resolver, "a.test", addresses, &n, SOON), ==, P2P_IO_OK);
  g_assert_cmpint (lookup (resolver, "b.test", addresses, &n, SOON), ==, P2P_IO_OK);
  g_assert_cmpint (lookup (resolver, "c.test", addresses, &n, SOON), ==, P2P_IO_OK);
  g_assert_cmpint (lookup (resolver, "b.test", addresses, &n, SOON), ==, P2P_IO_OK);
  g_assert_cmpuint (dns_asked (&dns), ==, 3);
  g_assert_cmpint (lookup (resolver, "a.test", addresses, &n, SOON), ==, P2P_IO_OK);
  g_assert_cmpuint (dns_asked (&dns), ==, 4);
  /* Names that are being looked up stay: a flood of new ones is refused. */
  dns_set (&dns, 0, true);
  g_assert_cmpint (lookup (resolver, "x.test", addresses, &n, P2P_TRY), ==, P2P_IO_TIMEOUT);
  g_assert_cmpint (lookup (resolver, "y.test", addresses, &n, P2P_TRY), ==, P2P_IO_TIMEOUT);
  g_assert_cmpint (lookup (resolver, "z.test", addresses, &n, P2P_TRY), ==, P2P_IO_OVERFLOW);
  resolver_done (resolver, &dns);
}

typedef struct
{
  P2pResolver *resolver;
  P2pIo io;
} Asker;

static void *
asker_main (void *data)
{
  Asker *asker = data;
  P2pAddress addresses[P2P_ADDRESSES_MAX];
  unsigned n;

  asker->io = lookup (asker->resolver, "one.test", addresses, &n, SOON);
  return NULL;
}

/* Many ask, one look-up is made. */
static void
test_shared (void)
{
  Dns dns = { .addresses = { "10.0.0.1" }, .silent = true };
  P2pResolver *resolver = resolver_new (&dns, 60000, 60000, 4);
  Asker askers[8];
  pthread_t threads[8];

  for (unsigned i = 0; i < 8; i++)
    {
      askers[i] = (Asker){ .resolver = resolver, .io = P2P_IO_SYS };
      P2P_PTHREAD (pthread_create (&threads[i], NULL, asker_main, &askers[i]));
    }
  dns_await (&dns, 1);
  dns_set (&dns, 0, false);
  for (unsigned i = 0; i < 8; i++)
    {
      P2P_PTHREAD (pthread_join (threads[i], NULL));
      g_assert_cmpint (askers[i].io, ==, P2P_IO_OK);
    }
  g_assert_cmpuint (dns_asked (&dns), ==, 1);
  resolver_done (resolver, &dns);
}

static P2pIo
lookup_fresh (P2pResolver *resolver, const char *host, P2pAddress *addresses, unsigned *n)
{
  return p2p_resolver_lookup_fresh (resolver, p2p_span_from_string (host), 80, addresses, n, SOON);
}

/* Nothing that was found before is believed, neither good nor bad. */
static void
test_fresh (void)
{
  Dns dns = { .addresses = { "10.0.0.1" } };
  P2pResolver *resolver = resolver_new (&dns, 60000, 60000, 4);
  P2pAddress addresses[P2P_ADDRESSES_MAX];
  unsigned n = 0;

  g_assert_cmpint (lookup_fresh (resolver, "a.test", addresses, &n), ==, P2P_IO_OK);
  assert_address (&addresses[0], "10.0.0.1", 80);
  dns_set_address (&dns, "10.0.0.2");
  g_assert_cmpint (lookup (resolver, "a.test", addresses, &n, SOON), ==, P2P_IO_OK);
  assert_address (&addresses[0], "10.0.0.1", 80);
  /* A loaded machine may take longer than the answer of before is given up for. */
  do
    g_assert_cmpint (lookup_fresh (resolver, "a.test", addresses, &n), ==, P2P_IO_OK);
  while (((struct sockaddr_in *) &addresses[0].address)->sin_addr.s_addr != inet_addr ("10.0.0.2"));
  g_assert_cmpint (lookup (resolver, "a.test", addresses, &n, SOON), ==, P2P_IO_OK);
  assert_address (&addresses[0], "10.0.0.2", 80);

  dns_set (&dns, EAI_AGAIN, false);
  g_assert_cmpint (lookup_fresh (resolver, "b.test", addresses, &n), ==, P2P_IO_TIMEOUT);
  dns_set (&dns, 0, false);
  g_assert_cmpint (lookup (resolver, "b.test", addresses, &n, SOON), ==, P2P_IO_TIMEOUT);
  g_assert_cmpint (lookup_fresh (resolver, "b.test", addresses, &n), ==, P2P_IO_OK);
  /* The addresses of before serve in trouble. */
  dns_set (&dns, EAI_AGAIN, false);
  g_assert_cmpint (lookup_fresh (resolver, "b.test", addresses, &n), ==, P2P_IO_OK);
  dns_set (&dns, EAI_NONAME, false);
  for (P2pIo io = P2P_IO_OK; io != P2P_IO_REFUSED;)
    io = lookup_fresh (resolver, "b.test", addresses, &n);
  resolver_done (resolver, &dns);
}

/* One that hangs keeps no other from asking beside it, and changes nothing when it ends at last. */
static void
test_fresh_beside_hanging (void)
{
  Dns dns = { .hang = 2 };
  P2pResolver *resolver = resolver_new (&dns, 60000, 60000, 4);
  Asker asker = { .resolver = resolver, .io = P2P_IO_SYS };
  P2pAddress addresses[P2P_ADDRESSES_MAX];
  pthread_t thread;
  unsigned n = 0;

  P2P_PTHREAD (pthread_create (&thread, NULL, asker_main, &asker));
  dns_await (&dns, 1);
  g_assert_cmpint (p2p_resolver_lookup_fresh (resolver, P2P_SPAN ("one.test"), 80, addresses, &n,
                                              p2p_deadline_ms (5)),
                   ==, P2P_IO_TIMEOUT);
  dns_await (&dns, 2);
  dns_set_address (&dns, "10.0.0.7");
  g_assert_cmpint (lookup_fresh (resolver, "one.test", addresses, &n), ==, P2P_IO_OK);
  assert_address (&addresses[0], "10.0.0.7", 80);
  /* Who waits for the one that hangs is served as well. */
  P2P_PTHREAD (pthread_join (thread, NULL));
  g_assert_cmpint (asker.io, ==, P2P_IO_OK);

  dns_release (&dns, EAI_NONAME);
  g_assert_cmpint (lookup (resolver, "one.test", addresses, &n, SOON), ==, P2P_IO_OK);
  assert_address (&addresses[0], "10.0.0.7", 80);
  resolver_done (resolver, &dns);
}

/* Connecting ------------------------------------------------------------------------------------
 */

/* Listens on address:port (0: the kernel's choice), tells the port; -1 when somebody has it. */
static int
listen_on (const char *address, int backlog, uint16_t *port)
{
  struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons (*port) };
  socklen_t len = sizeof in;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (inet_pton (AF_INET, address, &in.sin_addr), ==, 1);
  if (bind (fd, (struct sockaddr *) &in, len) != 0)
    {
      g_assert_cmpint (errno, ==, EADDRINUSE);
      p2p_fd_close (&fd);
      return -1;
    }
  g_assert_cmpint (listen (fd, backlog), ==, 0);
  g_assert_cmpint (getsockname (fd, (struct sockaddr *) &in, &len), ==, 0);
  *port = ntohs (in.sin_port);
  return fd;
}

static P2pIo
connect_to (P2pResolver *resolver, const char *host, uint16_t port, int64_t deadline_us)
{
  P2pStream *strm = NULL;
  P2pIo io = p2p_connect (resolver, p2p_span_from_string (host), port, deadline_us, &strm);
  int error = errno;

  g_assert_cmpint (io == P2P_IO_OK, ==, strm != NULL);
  p2p_stream_close (strm);
  errno = error;
  return io;
}

static void
test_connect (void)
{
  Dns dns = { .addresses = { "127.0.0.2", "127.0.0.3", "127.0.0.1" } };
  P2pResolver *resolver = resolver_new (&dns, 60000, 60000, 4);
  uint16_t port = 0;
  p2p_autofd listener = listen_on ("127.0.0.1", 8, &port);
  int64_t shortest_us = INT64_MAX;

  g_assert_cmpint (connect_to (resolver, "127.0.0.1", port, SOON), ==, P2P_IO_OK);
  /* Two addresses refuse: the third is tried at once, not half a second later; the best of some
   * tries tells, whatever else this machine does. */
  for (unsigned i = 0; i < 10 && shortest_us >= 200000; i++)
    {
      int64_t begun_us = p2p_now_us ();

      g_assert_cmpint (connect_to (resolver, "name.test", port, SOON), ==, P2P_IO_OK);
      shortest_us = MIN (shortest_us, p2p_now_us () - begun_us);
    }
  g_assert_cmpint (shortest_us, <, 200000);
  p2p_fd_close (&listener);
  g_assert_cmpint (connect_to (resolver, "127.0.0.1", port, SOON), ==, P2P_IO_REFUSED);
  g_assert_cmpint (errno, ==, ECONNREFUSED);
  g_assert_cmpint (connect_to (resolver, "name.test", port, SOON), ==, P2P_IO_REFUSED);
  g_assert_cmpint (errno, ==, ECONNREFUSED);
  resolver_done (resolver, &dns);
}

/* A listener whose backlog is full answers nothing. */
static void
fill_backlog (const char *address, uint16_t port, int fds[4])
{
  P2pAddress to;

  to.len = put_address (address, &to.address);
  ((struct sockaddr_in *) &to.address)->sin_port = htons (port);
  for (unsigned i = 0; i < 4; i++)
    g_assert_cmpint (
        p2p_stream_tcp_connect_begin ((struct sockaddr *) &to.address, to.len, &fds[i]), ==, 0);
}

static void
test_happy_eyeballs (void)
{
  Dns dns = { .addresses = { "127.0.0.2", "127.0.0.1" } };
  P2pResolver *resolver = resolver_new (&dns, 60000, 60000, 4);
  uint16_t port = 0;
  p2p_autofd good = -1;
  p2p_autofd silent = -1;
  int fds[4];
  int64_t begun;

  /* A port that is free on both. */
  for (unsigned i = 0; i < 100 && silent < 0; i++)
    {
      port = 0;
      p2p_fd_close (&good);
      good = listen_on ("127.0.0.1", 8, &port);
      silent = listen_on ("127.0.0.2", 0, &port);
    }
  g_assert_cmpint (silent, >=, 0);
  fill_backlog ("127.0.0.2", port, fds);
  begun = p2p_now_us ();
  g_assert_cmpint (connect_to (resolver, "name.test", port, SOON), ==, P2P_IO_OK);
  g_assert_cmpint (p2p_now_us () - begun, >=, 240000);
  g_assert_cmpint (connect_to (resolver, "127.0.0.2", port, p2p_deadline_ms (20)), ==,
                   P2P_IO_TIMEOUT);
  /* The deadline holds for all attempts together. */
  begun = p2p_now_us ();
  g_assert_cmpint (connect_to (resolver, "name.test", port, p2p_deadline_ms (20)), ==,
                   P2P_IO_TIMEOUT);
  g_assert_cmpint (p2p_now_us () - begun, <, 5000000);
  for (unsigned i = 0; i < 4; i++)
    p2p_fd_close (&fds[i]);
  resolver_done (resolver, &dns);
}

/* Who waits for a connection that nobody answers can be told to stop. */
static void
test_stopped (void)
{
  uint16_t port = 0;
  p2p_autofd silent = listen_on ("127.0.0.2", 0, &port);
  p2p_autofd bell = eventfd (1, EFD_CLOEXEC);
  P2pStream *strm = NULL;
  P2pAddress address;
  int64_t begun = p2p_now_us ();
  int fds[4];

  fill_backlog ("127.0.0.2", port, fds);
  address.len = put_address ("127.0.0.2", &address.address);
  ((struct sockaddr_in *) &address.address)->sin_port = htons (port);
  g_assert_cmpint (p2p_connect_addresses_unless (&address, 1, bell, SOON, &strm), ==,
                   P2P_IO_STOPPED);
  g_assert_null (strm);
  g_assert_cmpint (p2p_now_us () - begun, <, 10000000);
  for (unsigned i = 0; i < 4; i++)
    p2p_fd_close (&fds[i]);
}

static void
test_unix (void)
{
  g_autofree char *dir = g_dir_make_tmp ("p2pstream-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (dir, "s", NULL);
  g_autofree char *host = g_strconcat ("unix:", path, NULL);
  p2p_autofd listener = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  g_assert_cmpint (connect_to (NULL, host, 0, SOON), ==, P2P_IO_REFUSED);
  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  g_assert_cmpint (bind (listener, (struct sockaddr *) &address, sizeof address), ==, 0);
  g_assert_cmpint (listen (listener, 0), ==, 0);
  g_assert_cmpint (connect_to (NULL, host, 0, SOON), ==, P2P_IO_OK);
  g_assert_cmpint (connect_to (NULL, host, 0, p2p_deadline_ms (20)), ==, P2P_IO_TIMEOUT);
  g_assert_cmpint (connect_to (NULL, "unix:relative", 0, SOON), ==, P2P_IO_REFUSED);
  g_assert_cmpint (unlink (path), ==, 0);
  g_assert_cmpint (rmdir (dir), ==, 0);
}

/* The system's own look-up, for the one name that needs no network. */
static void
test_localhost (void)
{
  g_autoptr (GError) error = NULL;
  P2pResolver *resolver = p2p_resolver_new (1, 4, &error);
  P2pAddress addresses[P2P_ADDRESSES_MAX];
  unsigned n = 0;

  g_assert_no_error (error);
  g_assert_cmpint (lookup (resolver, "localhost", addresses, &n, SOON), ==, P2P_IO_OK);
  g_assert_cmpuint (n, >, 0);
  p2p_resolver_free (resolver);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  p2p_lock_setup ();
  g_test_add_func ("/resolver/numeric", test_numeric);
  g_test_add_func ("/resolver/order-and-cache", test_order_and_cache);
  g_test_add_func ("/resolver/failures", test_failures);
  g_test_add_func ("/resolver/stale", test_stale);
  g_test_add_func ("/resolver/limit", test_limit);
  g_test_add_func ("/resolver/shared", test_shared);
  g_test_add_func ("/resolver/fresh", test_fresh);
  g_test_add_func ("/resolver/fresh-beside-hanging", test_fresh_beside_hanging);
  g_test_add_func ("/resolver/localhost", test_localhost);
  g_test_add_func ("/connect/addresses", test_connect);
  g_test_add_func ("/connect/happy-eyeballs", test_happy_eyeballs);
  g_test_add_func ("/connect/stopped", test_stopped);
  g_test_add_func ("/connect/unix", test_unix);
  return g_test_run ();
}
