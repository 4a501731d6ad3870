/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* See fake-dns.h. The look-ups run in the resolver's threads. */
#include "tests/unit/fake-dns.h"

#include "tests/unit/put-address.h"

#include <glib.h>

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

void
dns_set (Dns *dns, int rc, bool silent)
{
  P2P_LOCKED (&dns->lock);

  dns->rc = rc;
  dns->silent = silent;
  p2p_cond_broadcast (&dns->changed);
}

void
dns_set_address (Dns *dns, const char *address)
{
  P2P_LOCKED (&dns->lock);

  dns->addresses[0] = address;
}

void
dns_release (Dns *dns, int rc)
{
  P2P_LOCKED (&dns->lock);

  dns->hang = 0;
  dns->hang_rc = rc;
  p2p_cond_broadcast (&dns->changed);
  while (dns->n_hanging > 0)
    g_assert_true (p2p_cond_wait (&dns->changed, &dns->lock, SOON));
}

unsigned
dns_asked (Dns *dns)
{
  P2P_LOCKED (&dns->lock);

  return dns->n_asked;
}

void
dns_await (Dns *dns, unsigned n_asked)
{
  P2P_LOCKED (&dns->lock);

  while (dns->n_asked < n_asked)
    g_assert_true (p2p_cond_wait (&dns->changed, &dns->lock, SOON));
}

P2pResolver *
dns_resolver_new (Dns *dns, int64_t good_ms, int64_t failed_ms, unsigned cache_max)
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
                                                           .leave_after_ms = dns->left ? 1 : 20000,
                                                           .func = fake_lookup,
                                                           .data = dns },
                                    &error);
  g_assert_no_error (error);
  return resolver;
}

void
dns_resolver_free (P2pResolver *resolver, Dns *dns)
{
  dns_set (dns, 0, false);
  p2p_resolver_free (resolver);
  p2p_cond_done (&dns->changed);
  p2p_mutex_done (&dns->lock);
}
