/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* p2pstreamd: start order, one line a module with its reason, and stop in reverse. All signals are
 * blocked in every thread; the main thread takes them. */
#include "daemon/agents/agents.h"
#include "daemon/api/api.h"
#include "daemon/bootstrap.h"
#include "daemon/certs/certs.h"
#include "daemon/config/change.h"
#include "daemon/health/health.h"
#include "daemon/proxy/proxy.h"
#include "daemon/settings.h"
#include "daemon/store/store.h"
#include "lib/fd.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "lib/notify.h"
#include "lib/resolver.h"
#include "lib/watchdog.h"

#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define RESOLVER_CACHE 4096
#define API_BODY_TIMEOUT_MS 30000
#define API_STOP_MS 2000

static struct
{
  Settings settings;
  Store *store;                /* (owned) */
  P2pResolver *resolver;       /* (owned) */
  CertsManagement *management; /* (owned) */
  P2pTlsServer *management_tls; /* (owned) */
  char *management_url;        /* (owned) what people and agents are told */
} daemon_;

/* --- modules ---------------------------------------------------------------------------------- */

static bool
start_store (GError **error)
{
  daemon_.store = store_open (daemon_.settings.config_dir, error);
  return daemon_.store != NULL;
}

static bool
start_config (GError **error)
{
  return config_start (daemon_.store, error) && bootstrap_start (&daemon_.settings, error);
}

/* How the management port is served; NULL with error set. */
static P2pTlsServer *
make_management_tls (GError **error)
{
  static const char *const alpn[] = { "http/1.1", NULL };
  const char *ca_file = daemon_.settings.management_tls_client_ca_file;
  g_autofree char *ca = *ca_file ? certs_read_text (ca_file, error) : NULL;
  P2pTlsServerOptions options = {
    .choose = certs_management_choose, .data = daemon_.management, .alpn = alpn, .client_ca_pem = ca
  };
  P2pTlsServer *tls = ca || !*ca_file ? p2p_tls_server_new (&options, error) : NULL;

  if (!tls && *ca_file)
    g_prefix_error (error, "MANAGEMENT_TLS_CLIENT_CA_FILE: %s%s", ca ? ca_file : "",
                    ca ? ": " : "");
  return tls;
}

static bool
start_certs (GError **error)
{
  CertsManagementOptions options
      = { .config_dir = daemon_.settings.config_dir,
          .advertise_host = daemon_.settings.management_advertise_host,
          .extra_hosts = (const char *const *) daemon_.settings.management_tls_extra_hosts };

  daemon_.management = certs_management_open (&options, error);
  if (!daemon_.management)
    return false;
  daemon_.management_tls = make_management_tls (error);
  return daemon_.management_tls != NULL;
}

static bool
start_resolver (GError **error)
{
  daemon_.resolver
      = p2p_resolver_new ((unsigned) daemon_.settings.resolver_threads, RESOLVER_CACHE, error);
  return daemon_.resolver != NULL;
}

static bool
start_agents (GError **error)
{
  const Settings *settings = &daemon_.settings;
  AgentsOptions options = { .agents_max = (unsigned) settings->agent_max,
                            .max_streams = (unsigned) settings->agent_max_streams,
                            .workers_max = (unsigned) settings->tunnel_workers_max,
                            .memory_max = (uint64_t) settings->tunnel_memory_max,
                            .drain_ms = settings->agent_drain_ms,
                            .ping_interval_ms = settings->tunnel_ping_interval_ms,
                            .client_certificates = *settings->management_tls_client_ca_file,
                            .store = daemon_.store };

  return agents_start (&options, error);
}

static bool
start_proxy (GError **error)
{
  const Settings *settings = &daemon_.settings;
  ProxyOptions options
      = { .resolver = daemon_.resolver,
          .workers_min = (unsigned) settings->workers_min,
          .workers_max = (unsigned) settings->workers_max,
          .max_connections = (unsigned) settings->public_max_connections,
          .max_connections_per_address = (unsigned) settings->public_max_connections_per_address,
          .max_requests = (unsigned) settings->public_max_requests,
          .max_head_bytes = (size_t) settings->public_max_head_bytes,
          .max_head_fields = (unsigned) settings->public_max_head_fields,
          .head_memory_max = (size_t) settings->public_head_memory_max,
          .max_body_bytes = settings->public_max_body_bytes > 0
                                ? (uint64_t) settings->public_max_body_bytes
                                : UINT64_MAX,
          .upstream_max_head_bytes = (size_t) settings->upstream_max_head_bytes,
          .upstream_max_head_fields = (unsigned) settings->upstream_max_head_fields,
          .handshake_timeout_ms = settings->tls_handshake_timeout_ms,
          .header_timeout_ms = settings->public_header_timeout_ms,
          .idle_timeout_ms = settings->public_idle_timeout_ms,
          .body_idle_timeout_ms = settings->public_body_idle_timeout_ms,
          .min_body_rate = settings->public_min_body_rate,
          .upstream_keepalive_max = (unsigned) settings->upstream_keepalive_max,
          .upstream_keepalive_idle_ms = settings->upstream_keepalive_idle_ms,
          .cool_down = { .failures = (unsigned) settings->upstream_cool_down_failures,
                         .first_ms = settings->upstream_cool_down_ms,
                         .longest_ms = settings->upstream_cool_down_max_ms,
                         .trial_ms = settings->upstream_cool_down_trial_ms } };

  return proxy_start (&options, error);
}

static bool
start_api (GError **error)
{
  const Settings *settings = &daemon_.settings;
  g_autofree char *token_file = *settings->setup_token_file
                                    ? g_strdup (settings->setup_token_file)
                                    : g_build_filename (settings->config_dir, "setup-token", NULL);
  g_autofree char *public_url
      = certs_management_dup_url (daemon_.management, (uint16_t) settings->management_port);
  g_autofree char *packages = g_build_filename (settings->config_dir, "packages", NULL);
  ApiOptions options = { .store = daemon_.store,
                         .setup_token_file = token_file,
                         .setup_window_ms = settings->setup_window_ms,
                         .session_idle_ms = settings->session_idle_ms,
                         .bind_address = settings->management_bind_address,
                         .port = (uint16_t) settings->management_port,
                         .tls = daemon_.management_tls,
                         .public_url = settings->management_port ? public_url : NULL,
                         .management = daemon_.management,
                         .install_source_url = settings->install_source_url,
                         .packages_dir = packages,
                         .workers_max = (unsigned) settings->management_workers_max,
                         .connections_max = (unsigned) settings->management_max_connections,
                         .connections_per_address_max
                         = (unsigned) settings->management_max_connections_per_address,
                         .handshake_timeout_ms = settings->tls_handshake_timeout_ms,
                         .header_timeout_ms = settings->public_header_timeout_ms,
                         .body_timeout_ms = API_BODY_TIMEOUT_MS,
                         .idle_timeout_ms = settings->public_idle_timeout_ms };

  if (!api_start (&options, error))
    return false;
  daemon_.management_url = certs_management_dup_url (daemon_.management, api_get_port ());
  return true;
}

static bool
start_keeper (GError **error)
{
  (void) error;
  config_keeper_start (CONFIG_KEEPER_LOOK_MS);
  return true;
}

static void
stop_certs (void)
{
  g_clear_pointer (&daemon_.management_tls, p2p_tls_server_unref);
  g_clear_pointer (&daemon_.management, certs_management_close);
}

static void
stop_store (void)
{
  g_clear_pointer (&daemon_.store, store_close);
}

static void
stop_resolver (void)
{
  g_clear_pointer (&daemon_.resolver, p2p_resolver_free);
}

/* What waits for a name server that is silent would wait for as long as connecting may take. */
static void
stop_health (void)
{
  p2p_resolver_stop (daemon_.resolver);
  health_stop ();
}

static void
stop_agents (void)
{
  agents_stop (p2p_deadline_ms (daemon_.settings.shutdown_drain_ms));
}

static void
stop_proxy (void)
{
  proxy_stop (p2p_deadline_ms (daemon_.settings.shutdown_drain_ms));
}

static void
stop_api (void)
{
  api_stop (p2p_deadline_ms (API_STOP_MS));
}

typedef struct
{
  bool (*start) (GError **error);
  void (*stop) (void);
} Module;

static const Module modules[] = {
  { start_store, stop_store }, /* the directory's lock: nothing else of a second daemon may start */
  { start_config, config_stop },        /* the first snapshot: what is stored must be valid */
  { start_certs, stop_certs },          /* a broken file is told before a port is open */
  { start_resolver, stop_resolver },    /* for the proxy */
  { start_agents, stop_agents },        /* before anybody can bring a tunnel or ask for one */
  { start_proxy, stop_proxy },          /* the public listeners */
  { health_start, stop_health },        /* asks the origins as the proxy does */
  { start_keeper, config_keeper_stop }, /* certificates of the public listeners */
  { start_api, stop_api },              /* last: its answers are about all the others */
};

/* --- signals ---------------------------------------------------------------------------------- */

static void
block_signals (sigset_t *set)
{
  sigemptyset (set);
  sigaddset (set, SIGTERM);
  sigaddset (set, SIGINT);
  sigaddset (set, SIGHUP);
  sigaddset (set, SIGPIPE);
  P2P_PTHREAD (pthread_sigmask (SIG_BLOCK, set, NULL));
  sigdelset (set, SIGPIPE);
}

static void
reload_agents_ca (void)
{
  g_autoptr (GError) error = NULL;
  P2pTlsServer *tls;

  if (!*daemon_.settings.management_tls_client_ca_file)
    return;
  tls = make_management_tls (&error);
  if (!tls)
    {
      p2p_log (P2P_LOG_ERROR, "daemon", "SIGHUP: %s, keeping the agents' CA in force",
               error->message);
      return;
    }
  api_set_tls (tls);
  p2p_tls_server_unref (daemon_.management_tls);
  daemon_.management_tls = tls;
  p2p_log (P2P_LOG_INFO, "daemon", "SIGHUP: the agents' CA was read again");
}

static void
reload (void)
{
  g_autoptr (GError) error = NULL;

  if (certs_management_reload (daemon_.management, &error))
    p2p_log (P2P_LOG_INFO, "daemon", "SIGHUP: the management certificate was read again");
  else
    p2p_log (P2P_LOG_ERROR, "daemon", "SIGHUP: %s, keeping the certificate in force",
             error->message);
  reload_agents_ca ();
  config_keeper_kick ();
}

static void
wait_for_end (const sigset_t *set)
{
  int number;

  for (;;)
    {
      P2P_PTHREAD (sigwait (set, &number));
      if (number != SIGHUP)
        break;
      reload ();
    }
  p2p_log (P2P_LOG_INFO, "daemon", "%s: stopping", number == SIGTERM ? "SIGTERM" : "SIGINT");
}

/* --- start and stop --------------------------------------------------------------------------- */

/* "web:8443, old:8080 (error)" */
static char *
describe_listeners (void)
{
  g_autoptr (Config) cfg = config_get_current ();
  GString *text = g_string_new (NULL);

  for (unsigned i = 0; i < cfg->n_listeners; i++)
    {
      ProxyListenerStatus status;

      if (!proxy_listener_get_status (cfg->listeners[i]->id, &status)
          || status.state == PROXY_LISTENER_STOPPED)
        continue;
      g_string_append_printf (text, "%s%s:%u%s", text->len > 0 ? ", " : "", cfg->listeners[i]->name,
                              status.state == PROXY_LISTENER_RUNNING ? status.bound_port
                                                                     : cfg->listeners[i]->port,
                              status.state == PROXY_LISTENER_RUNNING ? "" : " (error)");
    }
  return g_string_free (text, FALSE);
}

static void
tell_ready (void)
{
  g_autofree char *listeners = describe_listeners ();

  p2p_log_fields (P2P_LOG_INFO, "daemon", "ready", "version", PACKAGE_VERSION, "management",
                  daemon_.management_url, "ca", certs_management_get_ca_path (daemon_.management),
                  "listeners", *listeners ? listeners : "none", NULL);
  api_set_ready (true);
  (void) p2p_notify ("READY=1"); /* nobody else to tell */
}

static int
run (const sigset_t *set)
{
  g_autoptr (GError) error = NULL;
  P2pWatchdog *watchdog = NULL;
  size_t n = 0;
  bool good = true;

  p2p_log_start ((P2pLogLevel) daemon_.settings.log_level,
                 (P2pLogForm) daemon_.settings.log_format);
  while (good && n < G_N_ELEMENTS (modules))
    {
      good = modules[n].start (&error);
      n++; /* a half-started one is stopped as well: stops bear that */
    }
  if (good)
    {
      P2pPool *pools[P2P_LANES_MAX + 1];
      unsigned n_pools = proxy_list_pools (pools);

      pools[n_pools++] = api_get_pool ();
      watchdog
          = p2p_watchdog_new (pools, n_pools, P2P_WATCHDOG_TICK_MS, P2P_WATCHDOG_TICKS, &error);
      good = watchdog != NULL;
    }
  if (good)
    {
      tell_ready ();
      wait_for_end (set);
      (void) p2p_notify ("STOPPING=1"); /* nobody else to tell */
      p2p_watchdog_free (watchdog);
    }
  if (error)
    p2p_log (P2P_LOG_ERROR, "daemon", "%s", error->message);
  while (n > 0)
    modules[--n].stop ();
  p2p_log_stop ();
  g_free (daemon_.management_url);
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  sigset_t set;
  int status = EXIT_FAILURE;

  block_signals (&set);
  p2p_lock_setup ();
  p2p_fd_raise_limit ();
  p2p_tls_setup ();
  switch (settings_load (&daemon_.settings, argc, argv, environ, &error))
    {
    case P2P_SETTINGS_GO:
      status = run (&set);
      settings_clear (&daemon_.settings);
      break;
    case P2P_SETTINGS_EXIT:
      status = EXIT_SUCCESS;
      break;
    case P2P_SETTINGS_FAILED:
      (void) fprintf (stderr, "p2pstreamd: %s\n", error->message);
    }
  return status;
}
