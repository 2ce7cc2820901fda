return {
  ["test-now"] = { ["displayName"] = "Test again", ["iconClass"] = "fa fa-fw fa-sync" },
}
