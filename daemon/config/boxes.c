/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The objects of a snapshot: counting references, freeing with the last one. Any thread. */
#include "daemon/config/config-priv.h"

/* Release orders what the giver did before what the one who frees does after. */
static bool
drop (atomic_uint *n_refs)
{
  unsigned before = atomic_fetch_sub_explicit (n_refs, 1, memory_order_acq_rel);

  g_assert (before > 0);
  return before == 1;
}

static void
take (atomic_uint *n_refs)
{
  atomic_fetch_add_explicit (n_refs, 1, memory_order_relaxed);
}

void
config_free_labels (ConfigLabel *labels, unsigned n_labels)
{
  for (unsigned i = 0; i < n_labels; i++)
    {
      g_free (labels[i].key);
      g_free (labels[i].value);
    }
  g_free (labels);
}

TargetBox *
target_box_ref (TargetBox *box)
{
  take (&box->n_refs);
  return box;
}

void
target_box_unref (TargetBox *box)
{
  ConfigTarget *pub = &box->pub;

  if (!drop (&box->n_refs))
    return;
  g_free (pub->name);
  g_free ((char *) pub->static_fields.p);
  if (pub->request_fields.n > 0) /* there may be secrets in it */
    explicit_bzero ((char *) pub->request_fields.p, pub->request_fields.n);
  g_free ((char *) pub->request_fields.p);
  g_strfreev (pub->request_field_names);
  g_free (pub->health.method);
  g_free (pub->health.path);
  g_clear_pointer (&pub->state, config_target_state_unref);
  g_free ((char *) pub->static_body.p);
  g_free (pub->host);
  g_free (pub->base_path);
  g_free (pub->host_value);
  g_strfreev (pub->allowed_upgrades);
  g_clear_pointer (&pub->tls, p2p_tls_client_unref);
  g_free (pub->tls_server_name);
  config_free_labels (pub->labels, pub->n_labels);
  g_free (box->origin);
  g_free (box->tls_material);
  g_free (box);
}

RouteBox *
route_box_ref (RouteBox *box)
{
  take (&box->n_refs);
  return box;
}

void
route_box_unref (RouteBox *box)
{
  if (!drop (&box->n_refs))
    return;
  for (unsigned i = 0; i < box->n_all_targets; i++)
    target_box_unref (box->all_targets[i]);
  g_free (box->all_targets);
  g_free (box->pub.targets);
  g_free (box->pub.name);
  g_free (box->pub.host_pattern);
  g_free (box->pub.path_prefix);
  g_free (box->pub.redirect_target);
  g_free (box);
}

CertBox *
cert_box_ref (CertBox *box)
{
  take (&box->n_refs);
  return box;
}

void
cert_box_unref (CertBox *box)
{
  if (!drop (&box->n_refs))
    return;
  g_free (box->pub.pattern);
  g_free (box->pub.last_error);
  certs_facts_clear (&box->pub.facts);
  g_clear_pointer (&box->pub.cert, p2p_tls_cert_unref);
  g_free (box->certificate_path);
  g_free (box->private_key_path);
  g_free (box);
}

ListenerBox *
listener_box_ref (ListenerBox *box)
{
  take (&box->n_refs);
  return box;
}

void
listener_box_unref (ListenerBox *box)
{
  if (!drop (&box->n_refs))
    return;
  config_index_free (box->pub.index);
  for (unsigned i = 0; i < box->pub.n_routes; i++)
    route_box_unref (box->routes[i]);
  g_free (box->routes);
  g_free (box->pub.routes);
  g_free (box->pub.name);
  g_free (box->pub.bind_address);
  g_free (box->pub.trusted_proxies);
  g_free (box);
}

AgentBox *
agent_box_ref (AgentBox *box)
{
  take (&box->n_refs);
  return box;
}

void
agent_box_unref (AgentBox *box)
{
  if (!drop (&box->n_refs))
    return;
  g_free (box->pub.public_id);
  g_free (box->pub.name);
  config_free_labels (box->pub.labels, box->pub.n_labels);
  g_free (box);
}

Config *
config_ref (Config *cfg)
{
  take (&((ConfigBox *) cfg)->n_refs);
  return cfg;
}

void
config_unref (Config *cfg)
{
  ConfigBox *box = (ConfigBox *) cfg;

  if (!cfg || !drop (&box->n_refs))
    return;
  g_clear_pointer (&box->agents_by_label, g_hash_table_unref);
  for (unsigned i = 0; i < cfg->n_listeners; i++)
    listener_box_unref ((ListenerBox *) cfg->listeners[i]);
  for (unsigned i = 0; i < cfg->n_agents; i++)
    agent_box_unref ((AgentBox *) cfg->agents[i]);
  g_free (cfg->listeners);
  g_free (cfg->agents);
  g_free (box->agents_by_public_id);
  g_ptr_array_unref (box->routes);
  g_clear_pointer (&box->joins, g_ptr_array_unref);
  g_ptr_array_unref (box->certs);
  g_free (box);
}
