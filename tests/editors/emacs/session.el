;;; A session of a real Emacs with eglot and the real server; run by tests/editors/test_emacs.py with  -*- lexical-binding: t -*-
;;;   emacs -Q --batch -l session.el
;;; The variables KLS_FILE, KLS_OUT and KLS_COMMAND (a JSON list) name the program, the file for what was seen, the server.
(require 'package)
(add-to-list 'package-directory-list "/usr/share/emacs/site-lisp/elpa")
(package-initialize)
(require 'json)
(require 'python)
(require 'eglot)
(require 'flymake)

(defconst kls-patience 240)

(defun kls-until (what ask)
  "The first answer of ASK that is not nil; WHAT it is stands in the error when none comes."
  (let ((end (+ (float-time) kls-patience)) answer)
    (while (not (setq answer (funcall ask)))
      (when (> (float-time) end) (error "never came: %s" what))
      (accept-process-output nil 0.05))
    answer))

(defun kls-errors ()
  "Flymake's errors and warnings of this buffer."
  (seq-filter (lambda (it) (memq (flymake-diagnostic-type it) '(eglot-error eglot-warning :error :warning)))
              (flymake-diagnostics)))

(defun kls-session ()
  "What was seen, as an alist."
  (let ((command (append (json-parse-string (getenv "KLS_COMMAND")) nil)) seen)
    (setq eglot-sync-connect kls-patience
          eglot-connect-timeout kls-patience
          eglot-autoshutdown nil
          make-backup-files nil)
    ;; A machine that does much at once may need longer than kls waits by itself.
    (setq-default eglot-workspace-configuration '(:kls (:worker (:timeout 60))))
    (add-to-list 'eglot-server-programs
                 (cons 'python-mode (append command '(:initializationOptions (:trusted t)))))
    (find-file (getenv "KLS_FILE"))
    (python-mode)
    (call-interactively #'eglot)
    (kls-until "a server" (lambda () (eglot-current-server)))
    (kls-until "a finding" (lambda () (flymake-start) (kls-errors)))
    (let* ((finding (car (kls-errors)))
           (begin (flymake-diagnostic-beg finding))
           (end (flymake-diagnostic-end finding)))
      (push (cons 'message (flymake-diagnostic-text finding)) seen)
      (push (cons 'line (line-number-at-pos begin)) seen)
      (goto-char (point-min))
      (search-forward "Dense(64")
      (backward-char 5)
      (let ((hover (jsonrpc-request (eglot-current-server) :textDocument/hover (eglot--TextDocumentPositionParams)
                                    :timeout kls-patience)))
        (push (cons 'hover (format "%S" hover)) seen))
      (goto-char begin)
      (let ((actions (kls-until "a verified fix"
                                (lambda ()
                                  (seq-filter
                                   (lambda (it) (and (plist-get it :isPreferred) (plist-get it :edit)))
                                   (append (jsonrpc-request
                                            (eglot-current-server) :textDocument/codeAction
                                            (list :textDocument (eglot--TextDocumentIdentifier)
                                                  :range (list :start (eglot--pos-to-lsp-position begin)
                                                               :end (eglot--pos-to-lsp-position end))
                                                  :context '(:diagnostics [] :only ["quickfix"]))
                                            :timeout kls-patience)
                                           nil))))))
        (push (cons 'title (plist-get (car actions) :title)) seen)
        (eglot--apply-workspace-edit (plist-get (car actions) :edit)))
      ;; Emacs tells a server of changes when it is idle, which a batch never is.
      (eglot--signal-textDocument/didChange)
      (kls-until "a program without findings" (lambda () (flymake-start) (null (kls-errors))))
      (push (cons 'fixed (buffer-substring-no-properties (point-min) (point-max))) seen))
    (eglot-shutdown (eglot-current-server))
    (push (cons 'ended (if (eglot-current-server) :false t)) seen)
    seen))

(let ((seen (condition-case failure (kls-session)
              (error (list (cons 'failure (error-message-string failure)))))))
  (with-temp-file (getenv "KLS_OUT") (insert (json-encode seen)))
  (kill-emacs (if (assq 'failure seen) 1 0)))
