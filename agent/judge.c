/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Where the agent may connect to. See judge.h. */
#include "agent/judge.h"

#include "agent/agent.h"
#include "lib/fd.h"
#include "lib/resolver.h"

#include <errno.h>
#include <glib.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int ending_fd = -1; /* constant while workers run; readable once the agent ends */

/* Keeps those that are good, in their order. When there is none: the first one's fault. */
static AllowVerdict
keep_allowed (const char *host, uint16_t port, P2pAddress *addresses, unsigned *n)
{
  AllowVerdict fault = ALLOW_YES;
  unsigned n_kept = 0;

  for (unsigned i = 0; i < *n; i++)
    {
      AllowVerdict verdict = allow_judge_address (agent.allow, host, port,
                                                  (const struct sockaddr *) &addresses[i].address);

      if (verdict == ALLOW_YES)
        addresses[n_kept++] = addresses[i];
      else if (fault == ALLOW_YES)
        fault = verdict;
    }
  *n = n_kept;
  return n_kept > 0 ? ALLOW_YES : fault;
}

P2pIo
judge_and_connect (const char *host,
                   uint16_t port,
                   int64_t deadline_us,
                   P2pStream **ret_strm,
                   const char **ret_denied)
{
  P2pAddress addresses[P2P_ADDRESSES_MAX];
  AllowVerdict verdict = allow_judge_name (agent.allow, host, port);
  unsigned n = 0;
  P2pIo io;

  *ret_denied = NULL;
  if (g_str_has_prefix (host, "unix:"))
    {
      *ret_denied = "Unix sockets are not reached through an agent";
      return P2P_IO_REFUSED;
    }
  if (verdict == ALLOW_YES)
    {
      io = p2p_resolver_lookup (agent.resolver, p2p_span_from_string (host), port, addresses, &n,
                                deadline_us);
      if (io != P2P_IO_OK)
        return io;
      verdict = keep_allowed (host, port, addresses, &n);
    }
  if (verdict == ALLOW_YES)
    return p2p_connect_addresses_unless (addresses, n, ending_fd, deadline_us, ret_strm);
  *ret_denied = allow_verdict_text (verdict);
  return P2P_IO_REFUSED;
}

bool
judge_setup (GError **error)
{
  ending_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (ending_fd >= 0)
    return true;
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (errno), "eventfd: %s",
               g_strerror (errno));
  return false;
}

void
judge_stop (void)
{
  uint64_t one = 1;

  p2p_resolver_stop (agent.resolver);
  if (write (ending_fd, &one, sizeof one) < 0)
    g_assert (errno == EAGAIN); /* full: rung already */
}

void
judge_teardown (void)
{
  p2p_fd_close (&ending_fd);
}
