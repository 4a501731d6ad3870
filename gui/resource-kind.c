/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What tells listeners, routes and agents apart on the screen. Main thread; no state. */
#include "gui/resource-kind.h"

#include <glib/gi18n.h>
#include <string.h>

#include "client/agent.h"
#include "client/listener.h"
#include "client/route.h"
#include "client/target.h"
#include "gui/format.h"

#define AGENT_ID_LABEL "p2pstream.io/agent-id"

static int
compare_names (P2pResource *a, P2pResource *b)
{
  int order = g_utf8_collate (p2p_resource_get_name (a), p2p_resource_get_name (b));

  if (order == 0)
    order = p2p_resource_get_id (a) < p2p_resource_get_id (b) ? -1 : 1;
  return order;
}

/* ---- listeners */

static char *
listener_dup_place (P2pListener *listener)
{
  const char *address = p2p_listener_get_bind_address (listener);
  int port = p2p_listener_get_port (listener);
  g_autofree char *protocol = g_ascii_strup (p2p_listener_get_protocol (listener), -1);

  if (g_str_has_prefix (address, "unix:"))
    return g_strdup_printf (C_("protocol on address", "%s on %s"), protocol, address);
  if (*address == '\0')
    address = _("all addresses");
  if (port == 0)
    /* Translators: HTTPS on 192.0.2.1, any free port */
    return g_strdup_printf (_("%s on %s, any free port"), protocol, address);
  /* Translators: HTTPS on 192.0.2.1, port 443 */
  return g_strdup_printf (_("%s on %s, port %d"), protocol, address, port);
}

static void
listener_fill (P2pResourceRow *row, P2pResource *resource, G_GNUC_UNUSED P2pServer *server)
{
  g_autofree char *place = listener_dup_place (P2P_LISTENER (resource));
  const char *state = p2p_resource_get_state (resource);
  bool runs = !g_str_equal (state, "stopped");

  p2p_resource_row_set_title (row, p2p_resource_get_name (resource), NULL);
  p2p_resource_row_set_subtitle (row, place);
  p2p_resource_row_set_detail (
      row, p2p_resource_get_enabled (resource) ? NULL : _ ("Does not start with the server"));
  p2p_resource_row_set_problem (row, p2p_resource_get_last_error (resource));
  p2p_resource_row_set_state (row, state);
  p2p_resource_row_set_switch (row, "win.run-listener", _("Run This Listener"), runs);
}

static char *
listener_dup_searched (P2pResource *resource, G_GNUC_UNUSED P2pServer *server)
{
  return listener_dup_place (P2P_LISTENER (resource));
}

/* ---- routes */

static char *
route_dup_place (P2pRoute *route, P2pServer *server)
{
  P2pResource *listener
      = p2p_store_find (p2p_server_get_listeners (server), p2p_route_get_listener_id (route));
  const char *host = p2p_route_get_host_pattern (route);
  const char *path = p2p_route_get_path_prefix (route);
  g_autofree char *match = g_strdup_printf ("%s%s", *host != '\0' ? host : _ ("any host"),
                                            g_str_equal (path, "/") ? "" : path);

  if (listener == NULL)
    return g_steal_pointer (&match);
  return g_strdup_printf (C_ ("host name on listener", "%s on %s"), match,
                          p2p_resource_get_name (listener));
}

/* A selector of the one label that names an agent is shown by the agent's name. Caller owns; NULL
 * for others. */
static char *
selected_dup_name (const char *selector, P2pServer *server)
{
  GListModel *agents = G_LIST_MODEL (p2p_server_get_agents (server));

  if (!g_str_has_prefix (selector, AGENT_ID_LABEL "="))
    return NULL;
  for (unsigned i = 0; i < g_list_model_get_n_items (agents); i++)
    {
      g_autoptr (P2pAgent) agent = g_list_model_get_item (agents, i);

      if (g_str_equal (p2p_agent_get_public_id (agent), selector + strlen (AGENT_ID_LABEL "=")))
        return g_strdup (p2p_resource_get_name (P2P_RESOURCE (agent)));
    }
  return NULL;
}

static char *
target_dup_text (P2pTarget *target, P2pServer *server)
{
  const char *selector = p2p_target_get_selector (target);
  g_autofree char *agent = selected_dup_name (selector, server);

  if (p2p_target_is_static (target))
    return g_strdup_printf (_ ("Fixed answer with status %d"),
                            p2p_target_get_static_status (target));
  if (!p2p_target_is_by_agent (target))
    return g_strdup (p2p_target_get_url (target));
  if (*selector == '\0')
    return g_strdup_printf (_("%s through any agent"), p2p_target_get_url (target));
  if (agent != NULL)
    /* Translators: a URL, then the name of an agent */
    return g_strdup_printf (_("%s through %s"), p2p_target_get_url (target), agent);
  /* Translators: a URL, then labels such as zone=garage */
  return g_strdup_printf (_("%s through an agent with %s"), p2p_target_get_url (target), selector);
}

static void
route_fill_targets (P2pResourceRow *row, P2pRoute *route, P2pServer *server)
{
  GListModel *targets = p2p_route_get_targets (route);

  p2p_resource_row_clear_lines (row);
  for (unsigned i = 0; i < g_list_model_get_n_items (targets); i++)
    {
      g_autoptr (P2pResource) target = g_list_model_get_item (targets, i);
      g_autofree char *text = target_dup_text (P2P_TARGET (target), server);

      p2p_resource_row_add_line (
          row, p2p_resource_get_enabled (target) ? p2p_resource_get_state (target) : "disabled",
          text);
    }
}

static void
route_fill (P2pResourceRow *row, P2pResource *resource, P2pServer *server)
{
  P2pRoute *route = P2P_ROUTE (resource);
  g_autofree char *place = route_dup_place (route, server);
  g_autofree char *to = NULL;

  if (p2p_route_is_redirect (route))
    to = g_strdup_printf (_("Redirects to %s"), p2p_route_get_redirect_target (route));
  p2p_resource_row_set_title (row, p2p_resource_get_name (resource),
                              p2p_route_is_default (route) ? _ ("Default") : NULL);
  p2p_resource_row_set_subtitle (row, place);
  p2p_resource_row_set_detail (row, to);
  p2p_resource_row_set_problem (row, p2p_resource_get_last_error (resource));
  p2p_resource_row_set_state (row, p2p_resource_get_state (resource));
  route_fill_targets (row, route, server);
  p2p_resource_row_set_switch (row, "win.enable-routes", _ ("Use This Route"),
                               p2p_resource_get_enabled (resource));
}

static char *
route_dup_searched (P2pResource *resource, P2pServer *server)
{
  GListModel *targets = p2p_route_get_targets (P2P_ROUTE (resource));
  GString *text = g_string_new (NULL);
  g_autofree char *place = route_dup_place (P2P_ROUTE (resource), server);

  g_string_append (text, place);
  for (unsigned i = 0; i < g_list_model_get_n_items (targets); i++)
    {
      g_autoptr (P2pTarget) target = g_list_model_get_item (targets, i);

      g_string_append_printf (text, " %s %s", p2p_target_get_url (target),
                              p2p_target_get_selector (target));
    }
  return g_string_free (text, FALSE);
}

/* In the order in which the server tries them. */
static int
route_compare (P2pResource *a, P2pResource *b)
{
  int64_t listener_a = p2p_route_get_listener_id (P2P_ROUTE (a)),
          listener_b = p2p_route_get_listener_id (P2P_ROUTE (b));
  int64_t priority_a = p2p_route_get_priority (P2P_ROUTE (a)),
          priority_b = p2p_route_get_priority (P2P_ROUTE (b));

  if (listener_a != listener_b)
    return listener_a < listener_b ? -1 : 1;
  if (p2p_route_is_default (P2P_ROUTE (a)) != p2p_route_is_default (P2P_ROUTE (b)))
    return p2p_route_is_default (P2P_ROUTE (a)) ? 1 : -1;
  if (priority_a != priority_b)
    return priority_a < priority_b ? -1 : 1;
  return p2p_resource_get_id (a) < p2p_resource_get_id (b) ? -1 : 1;
}

/* ---- agents */

static char *
agent_dup_presence (P2pAgent *agent)
{
  bool online = !g_str_equal (p2p_resource_get_state (P2P_RESOURCE (agent)), "offline");
  const char *stamp
      = online ? p2p_agent_get_connected_at (agent) : p2p_agent_get_disconnected_at (agent);
  g_autofree char *since = p2p_format_time (stamp);

  if (online && since != NULL)
    /* Translators: an address, then a point in time */
    return g_strdup_printf (_("Connected from %s since %s"), p2p_agent_get_address (agent), since);
  if (online)
    return g_strdup_printf (_("Connected from %s"), p2p_agent_get_address (agent));
  return since != NULL ? g_strdup_printf (_ ("Offline since %s"), since)
                       : g_strdup (_ ("Has never connected"));
}

static char *
agent_dup_numbers (P2pAgent *agent)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) parts = NULL;
  const char *version = p2p_agent_get_version (agent);
  int n_active = (int) CLAMP (p2p_agent_get_active_requests (agent), 0, G_MAXINT);
  g_autofree char *release = g_strdup_printf (_("Version %s"), version);
  g_autofree char *trip = g_strdup_printf (_("%.1f ms"), p2p_agent_get_round_trip_ms (agent));
  g_autofree char *active = g_strdup_printf (
      ngettext ("%d active request", "%d active requests", (unsigned) n_active), n_active);

  if (*p2p_agent_get_labels (agent) != '\0')
    g_strv_builder_add (builder, p2p_agent_get_labels (agent));
  if (*version != '\0')
    g_strv_builder_add (builder, release);
  if (p2p_agent_get_round_trip_ms (agent) >= 0)
    g_strv_builder_add (builder, trip);
  if (n_active > 0)
    g_strv_builder_add (builder, active);
  parts = g_strv_builder_end (builder);
  return g_strjoinv (" · ", parts);
}

static void
agent_fill (P2pResourceRow *row, P2pResource *resource, G_GNUC_UNUSED P2pServer *server)
{
  P2pAgent *agent = P2P_AGENT (resource);
  g_autofree char *presence = agent_dup_presence (agent);
  g_autofree char *numbers = agent_dup_numbers (agent);
  bool enabled = p2p_resource_get_enabled (resource);

  p2p_resource_row_set_title (row, p2p_resource_get_name (resource), NULL);
  p2p_resource_row_set_subtitle (row, presence);
  p2p_resource_row_set_detail (row, numbers);
  p2p_resource_row_set_problem (
      row, p2p_agent_get_version_mismatch (agent)
               ? _ ("Its version does not match the server's: update the agent")
               : NULL);
  p2p_resource_row_set_state (row, enabled ? p2p_resource_get_state (resource) : "disabled");
  p2p_resource_row_set_switch (row, "win.enable-agents", _("Admit This Agent"), enabled);
}

static char *
agent_dup_searched (P2pResource *resource, G_GNUC_UNUSED P2pServer *server)
{
  P2pAgent *agent = P2P_AGENT (resource);

  return g_strdup_printf ("%s %s %s", p2p_agent_get_public_id (agent),
                          p2p_agent_get_address (agent), p2p_agent_get_labels (agent));
}

const P2pKind *
p2p_kind_get (P2pKindId id)
{
  static const P2pKind kinds[P2P_N_KINDS] = {
    [P2P_KIND_LISTENERS]
    = { N_ ("Listeners"), "p2p-listener-symbolic", N_ ("No Listeners"),
        N_ ("A listener is a port on which the server takes requests from the internet."),
        p2p_server_get_listeners, listener_fill, listener_dup_searched, compare_names },
    [P2P_KIND_ROUTES]
    = { N_ ("Routes"), "p2p-route-symbolic", N_ ("No Routes"),
        N_ ("A route says which host name and path of a listener go to which service."),
        p2p_server_get_routes, route_fill, route_dup_searched, route_compare },
    [P2P_KIND_AGENTS]
    = { N_ ("Agents"), "p2p-agent-symbolic", N_ ("No Agents"),
        N_ ("An agent connects a network behind NAT to the server, so that its services can be "
            "published."),
        p2p_server_get_agents, agent_fill, agent_dup_searched, compare_names },
  };

  return &kinds[id];
}
