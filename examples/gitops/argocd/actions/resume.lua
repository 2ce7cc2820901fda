-- Absent means no, as in a manifest that never mentioned it.
obj.spec.suspend = nil
return obj
