local over = obj.status ~= nil and obj.status.completionTime ~= nil
local cancelled = obj.spec ~= nil and obj.spec.cancel == true
return {
  ["cancel"] = { ["disabled"] = over or cancelled, ["displayName"] = "Cancel", ["iconClass"] = "fa fa-fw fa-stop" },
}
