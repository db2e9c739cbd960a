// Unary methods that are answered later: no thread waits with a call.
//
// One thread takes the requests of all such methods, calls the handlers and sends the answers, by
// whichever thread they are given. So hundreds of calls may wait for the same sync of a disk, and
// their answers leave together.
#pragma once

#include <absl/time/time.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/async_unary_call.h>

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "common/mutex.h"
#include "common/rpc/grpc_status.h"
#include "common/rpc/wake_up.h"
#include "common/status.h"
#include "common/thread.h"

namespace quern::rpc {

class AsyncUnaryLoop;

// One method of a generated service; MakeAsyncMethod makes them.
class AsyncMethod {
 public:
  virtual ~AsyncMethod() = default;
  // Asks gRPC for one more call.
  virtual void Listen(AsyncUnaryLoop* loop) = 0;
};

// To be called once with the answer, by any thread.
template <typename Response>
using Respond = std::function<void(absl::StatusOr<Response>)>;

// One call, from the wait for it until its answer has left. Touched by the loop's thread only, but
// for the answer.
class AsyncCall {
 public:
  explicit AsyncCall(AsyncMethod* method) : method_(method) {}
  virtual ~AsyncCall() = default;
  // The request is here: has it handled.
  virtual void Handle() = 0;
  // The answer is here: gives it to gRPC, which returns the call once more when it has left.
  virtual void Send() = 0;

 private:
  friend class AsyncUnaryLoop;
  AsyncMethod* const method_;
  bool arrived_ = false;
};

class AsyncUnaryLoop {
 public:
  // Methods are borrowed.
  explicit AsyncUnaryLoop(std::vector<AsyncMethod*> methods) : methods_(std::move(methods)) {}
  ~AsyncUnaryLoop() { Stop(); }

  // Before the server starts, and after.
  void Register(grpc::ServerBuilder* builder);
  void Start();
  // After the server's Shutdown. Waits until every call that was handled is answered.
  void Stop();

  // For methods and their calls.
  grpc::ServerCompletionQueue* queue() { return queue_.get(); }
  // Any thread: the call may be sent.
  void Answered(AsyncCall* call);

 private:
  void Run();
  void OnArrival(std::unique_ptr<AsyncCall> call);
  void SendAnswers();
  // With the lock: the queue is only shut down by who has seen, with it, that nobody wakes any
  // more.
  void Wake() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { wake_up_.Wake(queue_.get(), this); }

  const std::vector<AsyncMethod*> methods_;
  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  Thread thread_;
  // The thread's own.
  size_t unanswered_ = 0;
  bool queue_closed_ = false;

  Mutex mutex_;
  std::vector<AsyncCall*> answered_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  WakeUp wake_up_;  // with this as the tag
};

// `listen` is the method's Request... function of the generated service, bound to the service.
template <typename Request, typename Response>
class TypedAsyncMethod final : public AsyncMethod {
 public:
  using Listener =
      std::function<void(grpc::ServerContext*, Request*, grpc::ServerAsyncResponseWriter<Response>*,
                         grpc::ServerCompletionQueue*, void* tag)>;
  // The caller stops waiting at `deadline`, on absl::Now()'s clock.
  using Handler = std::function<void(const Request&, absl::Time deadline, Respond<Response>)>;

  TypedAsyncMethod(Listener listener, Handler handler)
      : listener_(std::move(listener)), handler_(std::move(handler)) {}

  void Listen(AsyncUnaryLoop* loop) override {
    auto* call = new Call(this, loop);  // owned by the completion queue until it comes back
    listener_(&call->context, &call->request, &call->responder, loop->queue(),
              static_cast<AsyncCall*>(call));
  }

 private:
  struct Call final : AsyncCall {
    Call(TypedAsyncMethod* own_method, AsyncUnaryLoop* own_loop)
        : AsyncCall(own_method), method(own_method), loop(own_loop) {}
    void Handle() override {
      method->handler_(request, absl::FromChrono(context.deadline()),
                       [this](absl::StatusOr<Response> given) {
                         answer = std::move(given);
                         loop->Answered(this);
                       });
    }
    void Send() override {
      void* tag = static_cast<AsyncCall*>(this);
      if (answer.ok()) {
        responder.Finish(*answer, grpc::Status::OK, tag);
      } else {
        responder.FinishWithError(ToGrpc(answer.status()), tag);
      }
    }

    TypedAsyncMethod* const method;
    AsyncUnaryLoop* const loop;
    grpc::ServerContext context;
    Request request;
    grpc::ServerAsyncResponseWriter<Response> responder{&context};
    absl::StatusOr<Response> answer;
  };

  const Listener listener_;
  const Handler handler_;
};

// MakeAsyncMethod<Request, Response>(service, &Service::RequestGet, handler); the request stays
// until it is answered.
template <typename Request, typename Response, typename Service, typename Base>
std::unique_ptr<AsyncMethod> MakeAsyncMethod(
    Service* service,
    void (Base::*listen)(grpc::ServerContext*, Request*, grpc::ServerAsyncResponseWriter<Response>*,
                         grpc::CompletionQueue*, grpc::ServerCompletionQueue*, void*),
    typename TypedAsyncMethod<Request, Response>::Handler handler) {
  return std::make_unique<TypedAsyncMethod<Request, Response>>(
      [service, listen](grpc::ServerContext* context, Request* request,
                        grpc::ServerAsyncResponseWriter<Response>* responder,
                        grpc::ServerCompletionQueue* queue, void* tag) {
        (service->*listen)(context, request, responder, queue, queue, tag);
      },
      std::move(handler));
}

}  // namespace quern::rpc
