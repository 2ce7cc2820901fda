-- The health of a BrazeApp, Source, Model or Destination.
-- Argo CD opens no string library, and a script that fails counts as the worst health there is: every field is
-- looked at before it is used.
local function condition(name)
  local conditions = obj.status ~= nil and obj.status.conditions or {}
  for _, each in ipairs(conditions) do
    if each.type == name then
      return each
    end
  end
  return nil
end

local function holds(name)
  local found = condition(name)
  return found ~= nil and found.status == "True"
end

local function says(status, name, otherwise)
  local found = condition(name)
  local message = otherwise
  if found ~= nil and found.message ~= nil and found.message ~= "" then
    message = found.message
  end
  return { status = status, message = message }
end

local metadata = obj.metadata or {}
if metadata.deletionTimestamp ~= nil then
  local waits = says("Progressing", "CleanupBlocked", "is being deleted")
  local finalizer = metadata.finalizers ~= nil and metadata.finalizers[1] or nil
  if finalizer ~= nil then
    waits.message = waits.message .. " (waits for " .. finalizer .. ")"
  end
  return waits
end

local seen = obj.status ~= nil
  and obj.status.observedGeneration ~= nil
  and obj.status.observedGeneration == metadata.generation
if not seen then
  return { status = "Progressing", message = "the operator has not looked at this generation yet" }
end
if holds("Stalled") then
  return says("Degraded", "Ready", "nothing moves until a person acts")
end
if obj.spec ~= nil and obj.spec.suspend == true then
  return says("Suspended", "Suspended", "no run starts while spec.suspend is true")
end
if holds("Reconciling") then
  return says("Progressing", "Ready", "the operator works on it")
end
if holds("Ready") then
  return says("Healthy", "Ready", "all is well")
end
return says("Progressing", "Ready", "the operator has said nothing about it yet")
