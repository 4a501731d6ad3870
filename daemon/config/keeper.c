/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Keeps certificates as they should be: files that changed are read again, what ends soon is made
 * anew. One thread, which looks every few seconds and when it is kicked; the lock guards stop and
 * kicked. */
#include "daemon/config/config-priv.h"

#include "lib/clock.h"
#include "lib/lock.h"
#include "lib/log.h"

#define AFTER_FAILURE_MS 60000

static struct
{
  P2pMutex lock;
  pthread_cond_t cond;
  bool stop, kicked; /* (lock: lock) */
  bool runs;         /* main thread */
  int64_t look_ms;   /* constant */
  pthread_t thread;
} keeper;

static bool
anything_to_do (const ConfigBox *cfg, bool kicked)
{
  for (unsigned i = 0; i < cfg->certs->len; i++)
    {
      const CertBox *box = cfg->certs->pdata[i];

      if (config_cert_files_changed (box) || config_cert_is_due (box)
          || (kicked && *box->certificate_path && box->pub.last_error))
        return true;
    }
  return false;
}

static void
tell (const Config *old, const Config *cfg)
{
  const GPtrArray *certs = ((const ConfigBox *) cfg)->certs;

  for (unsigned i = 0; i < certs->len; i++)
    {
      const CertBox *box = certs->pdata[i];
      const ConfigCertificate *before = config_find_certificate (old, box->pub.id);

      if (before && box->pub.cert != before->cert)
        p2p_log (P2P_LOG_INFO, "certs", "certificate '%s': %s", box->pub.pattern,
                 *box->certificate_path ? "its files were read again" : "was made anew");
    }
}

/* Those whose end came since the last look. */
static void
tell_expired (const ConfigBox *cfg, int64_t since_ms, int64_t now_ms)
{
  for (unsigned i = 0; i < cfg->certs->len; i++)
    {
      const CertBox *box = cfg->certs->pdata[i];

      if (box->pub.enabled && box->pub.cert && box->pub.facts.not_after > since_ms
          && box->pub.facts.not_after <= now_ms)
        p2p_log (P2P_LOG_WARNING, "certs",
                 "certificate '%s': it has expired, and is shown all the same", box->pub.pattern);
    }
}

/* False: it failed, and will again for a while. */
static bool
look (bool kicked)
{
  g_autoptr (Config) old = config_get_current ();
  g_autoptr (Config) cfg = NULL;
  g_autoptr (GError) error = NULL;

  if (!anything_to_do ((const ConfigBox *) old, kicked))
    return true;
  if (!config_refresh (&error))
    {
      p2p_log (P2P_LOG_ERROR, "certs", "%s, trying again in %d s", error->message,
               AFTER_FAILURE_MS / 1000);
      return false;
    }
  cfg = config_get_current ();
  tell (old, cfg);
  return true;
}

/* False: end. */
static bool
rest (int64_t deadline_us, bool *ret_kicked)
{
  P2P_LOCKED (&keeper.lock);

  while (!keeper.stop && !keeper.kicked)
    if (!p2p_cond_wait (&keeper.cond, &keeper.lock, deadline_us))
      break;
  *ret_kicked = keeper.kicked;
  keeper.kicked = false;
  return !keeper.stop;
}

static void *
keeper_main (void *data)
{
  int64_t since_ms = p2p_wall_ms (); /* the start told of those before */
  bool kicked = false, good = true;

  (void) data;
  (void) pthread_setname_np (pthread_self (), "certs"); /* only a name */
  while (rest (p2p_deadline_ms (good ? keeper.look_ms : AFTER_FAILURE_MS), &kicked))
    {
      g_autoptr (Config) cfg = NULL;
      int64_t now_ms = p2p_wall_ms ();

      good = look (kicked);
      cfg = config_get_current ();
      tell_expired ((const ConfigBox *) cfg, since_ms, now_ms);
      since_ms = now_ms;
    }
  return NULL;
}

void
config_keeper_start (int64_t look_ms)
{
  keeper.look_ms = look_ms;
  p2p_mutex_init (&keeper.lock, P2P_LOCK_LEAF);
  p2p_cond_init (&keeper.cond);
  keeper.stop = keeper.kicked = false;
  P2P_PTHREAD (pthread_create (&keeper.thread, NULL, keeper_main, NULL));
  keeper.runs = true;
}

void
config_keeper_kick (void)
{
  P2P_LOCKED (&keeper.lock);
  keeper.kicked = true;
  p2p_cond_broadcast (&keeper.cond);
}

void
config_keeper_stop (void)
{
  if (!keeper.runs)
    return;
  p2p_mutex_lock (&keeper.lock);
  keeper.stop = true;
  p2p_cond_broadcast (&keeper.cond);
  p2p_mutex_unlock (&keeper.lock);
  P2P_PTHREAD (pthread_join (keeper.thread, NULL));
  p2p_cond_done (&keeper.cond);
  p2p_mutex_done (&keeper.lock);
  keeper.runs = false;
}
