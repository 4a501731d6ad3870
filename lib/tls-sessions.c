/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What a client remembers of its peers' sessions, to shake hands with them the short way. A few
 * places, one for each key; whoever comes later takes the place. What was verified once is not
 * verified again while a session lasts, so that a key must stand for the peer and for how it was
 * judged. Any thread; the lock guards the places. */
#include "lib/tls-priv.h"

void
p2p_tls_sessions_init (P2pTlsSessions *sessions)
{
  p2p_mutex_init (&sessions->lock, P2P_LOCK_LEAF);
}

static void
wipe (gnutls_datum_t *data)
{
  if (data->data)
    gnutls_memset (data->data, 0, data->size);
  gnutls_free (data->data);
  *data = (gnutls_datum_t){ NULL, 0 };
}

void
p2p_tls_sessions_done (P2pTlsSessions *sessions)
{
  for (unsigned i = 0; i < P2P_TLS_SESSIONS_MAX; i++)
    wipe (&sessions->places[i].data);
  p2p_mutex_done (&sessions->lock);
}

static P2pTlsPlace *
place_of (P2pTlsSessions *sessions, uint64_t key)
{
  return &sessions->places[(key * UINT64_C (0x9e3779b97f4a7c15)) >> (64 - P2P_TLS_SESSIONS_BITS)];
}

bool
p2p_tls_sessions_use (P2pTlsSessions *sessions, uint64_t key, gnutls_session_t session)
{
  P2pTlsPlace *place = place_of (sessions, key);
  P2P_LOCKED (&sessions->lock);

  return place->data.data && place->key == key
         && gnutls_session_set_data (session, place->data.data, place->data.size) >= 0;
}

void
p2p_tls_sessions_keep (P2pTlsSessions *sessions, uint64_t key, gnutls_datum_t *take_data)
{
  P2pTlsPlace *place = place_of (sessions, key);
  gnutls_datum_t before;

  p2p_mutex_lock (&sessions->lock);
  before = place->data;
  place->key = key;
  place->data = *take_data;
  p2p_mutex_unlock (&sessions->lock);
  *take_data = (gnutls_datum_t){ NULL, 0 };
  wipe (&before);
}

void
p2p_tls_sessions_forget (P2pTlsSessions *sessions, uint64_t key)
{
  P2pTlsPlace *place = place_of (sessions, key);
  P2P_LOCKED (&sessions->lock);

  if (place->key == key)
    wipe (&place->data);
}
