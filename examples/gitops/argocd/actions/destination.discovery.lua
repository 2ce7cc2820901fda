local suspended = obj.spec ~= nil and obj.spec.suspend == true
return {
  ["sync-now"] = { ["disabled"] = suspended, ["displayName"] = "Sync now", ["iconClass"] = "fa fa-fw fa-sync" },
  ["suspend"] = { ["disabled"] = suspended, ["displayName"] = "Suspend", ["iconClass"] = "fa fa-fw fa-pause" },
  ["resume"] = { ["disabled"] = not suspended, ["displayName"] = "Resume", ["iconClass"] = "fa fa-fw fa-play" },
}
