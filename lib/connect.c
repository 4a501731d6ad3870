/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Connecting to a name: RFC 8305. Attempts start 250 ms apart, or at once when the one before has
 * failed; the first that is connected wins, the others are closed. No state; any thread. */
#include "lib/resolver.h"

#include "lib/fd.h"
#include "lib/pool.h"
#include "lib/stream-tcp-priv.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/un.h>

#define ATTEMPT_DELAY_US 250000

typedef struct
{
  const P2pAddress *addresses; /* (borrowed) */
  unsigned n_addresses;
  unsigned n_begun;
  unsigned n_running;
  struct pollfd fds[1 + P2P_ADDRESSES_MAX]; /* who stops it, then the attempts */
  struct pollfd *attempts;                  /* (borrowed) fd -1: failed or not begun */
  int error;                                /* errno of the failure that tells most */
} Race;

/* A refusal says more than that a whole family of addresses leads nowhere. */
static void
note_failure (Race *race, int error)
{
  if (race->error == 0 || race->error == ENETUNREACH || race->error == EHOSTUNREACH)
    race->error = error;
}

static void
begin_next (Race *race)
{
  const P2pAddress *address = &race->addresses[race->n_begun];
  int error = p2p_stream_tcp_connect_begin ((const struct sockaddr *) &address->address,
                                            address->len, &race->attempts[race->n_begun].fd);

  race->n_begun++;
  if (error == 0)
    race->n_running++;
  else
    note_failure (race, error);
}

/* The first attempt that is connected, or -1; failed ones are closed. */
static int
take_winner (Race *race)
{
  for (unsigned i = 0; i < race->n_begun; i++)
    {
      struct pollfd *attempt = &race->attempts[i];
      int error, fd;

      if (attempt->fd < 0 || attempt->revents == 0)
        continue;
      fd = attempt->fd;
      error = p2p_stream_tcp_connect_error (fd);
      race->n_running--;
      if (error == 0)
        {
          attempt->fd = -1;
          return fd;
        }
      note_failure (race, error);
      p2p_fd_close (&attempt->fd);
    }
  return -1;
}

static bool
wait_for_some (Race *race, int64_t deadline_us)
{
  int n;

  p2p_pool_sleep_begin ();
  n = poll (race->fds, 1 + race->n_begun, p2p_deadline_poll_ms (deadline_us));
  p2p_pool_sleep_end ();
  return n > 0;
}

/* The winner's descriptor, or -1 and race->error: ECANCELED when it was stopped. */
static int
run_race (Race *race, int64_t deadline_us)
{
  int64_t next_at_us = 0;

  for (;;)
    {
      int winner;
      bool more = race->n_begun < race->n_addresses;

      if (more && (race->n_running == 0 || p2p_now_us () >= next_at_us))
        {
          begin_next (race);
          next_at_us = p2p_now_us () + ATTEMPT_DELAY_US;
          continue;
        }
      if (race->n_running == 0)
        return -1;
      if (wait_for_some (race, more ? MIN (next_at_us, deadline_us) : deadline_us))
        {
          if (race->fds[0].revents != 0)
            {
              race->error = ECANCELED;
              return -1;
            }
          winner = take_winner (race);
          if (winner >= 0)
            return winner;
        }
      else if (p2p_now_us () >= deadline_us)
        {
          race->error = ETIMEDOUT;
          return -1;
        }
    }
}

P2pIo
p2p_connect_addresses_unless (const P2pAddress *addresses,
                              unsigned n,
                              int stop_fd,
                              int64_t deadline_us,
                              P2pStream **ret_strm)
{
  Race race = { .addresses = addresses, .n_addresses = n };
  int fd;

  race.fds[0] = (struct pollfd){ .fd = stop_fd, .events = POLLIN };
  race.attempts = &race.fds[1];
  for (unsigned i = 0; i < P2P_ADDRESSES_MAX; i++)
    race.attempts[i] = (struct pollfd){ .fd = -1, .events = POLLOUT };
  fd = run_race (&race, deadline_us);
  for (unsigned i = 0; i < race.n_begun; i++)
    p2p_fd_close (&race.attempts[i].fd);
  if (fd < 0)
    return race.error == ECANCELED ? P2P_IO_STOPPED : p2p_stream_tcp_connect_outcome (race.error);
  *ret_strm = p2p_stream_tcp_new (fd);
  return P2P_IO_OK;
}

static P2pIo
connect_path (P2pSpan path, int64_t deadline_us, P2pStream **ret_strm)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  if (path.n == 0 || path.p[0] != '/' || path.n >= sizeof address.sun_path
      || memchr (path.p, '\0', path.n))
    {
      errno = path.n >= sizeof address.sun_path ? ENAMETOOLONG : ENOENT;
      return P2P_IO_REFUSED;
    }
  memcpy (address.sun_path, path.p, path.n);
  return p2p_stream_tcp_connect ((struct sockaddr *) &address, sizeof address, deadline_us,
                                 ret_strm);
}

P2pIo
p2p_connect (P2pResolver *resolver,
             P2pSpan host,
             uint16_t port,
             int64_t deadline_us,
             P2pStream **ret_strm)
{
  const P2pSpan unix_prefix = P2P_SPAN ("unix:");
  P2pAddress addresses[P2P_ADDRESSES_MAX];
  unsigned n = 0;
  P2pIo io;

  if (p2p_span_has_prefix (host, unix_prefix))
    return connect_path ((P2pSpan){ host.p + unix_prefix.n, host.n - unix_prefix.n }, deadline_us,
                         ret_strm);
  p2p_pool_sleep_begin (); /* most look-ups find it at once, but connections are made seldom */
  io = p2p_resolver_lookup (resolver, host, port, addresses, &n, deadline_us);
  p2p_pool_sleep_end ();
  if (io != P2P_IO_OK)
    {
      errno = io == P2P_IO_TIMEOUT ? ETIMEDOUT : io == P2P_IO_REFUSED ? ENXIO : EAGAIN;
      return io;
    }
  if (n == 1)
    return p2p_stream_tcp_connect ((const struct sockaddr *) &addresses[0].address,
                                   addresses[0].len, deadline_us, ret_strm);
  return p2p_connect_addresses_unless (addresses, n, -1, deadline_us, ret_strm);
}
