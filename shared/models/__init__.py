"""The frozen shapes that cross a boundary: workbook, plan, orchestrator, activity, audit."""
